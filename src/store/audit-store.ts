/** One change that an administrator made. */
export interface AuditRecord {
  id: string;
  /** Milliseconds since the Unix epoch. */
  at: number;
  /** Who: `admin-<16 hexadecimal digits>`, the hash of an admin key; `cli:<user>@<host>`; `server`. */
  actor: string;
  /** What, such as `key.change`. */
  action: string;
  /** On what: `key:<id>` or `organisation:<id>`. */
  target: string;
  /** What was set, as a JSON object; never a key, a hash or a part of one. */
  change: string;
}

export interface AuditQuery {
  limit: number;
  actor?: string;
  target?: string;
  /** Only what stands behind this record in the list. */
  after?: Pick<AuditRecord, "at" | "id">;
}

/** What administrators changed; nothing is ever deleted from it. */
export interface AuditStore {
  add(record: AuditRecord): Promise<void>;
  /** Newest first. */
  list(query: AuditQuery): Promise<AuditRecord[]>;
}
