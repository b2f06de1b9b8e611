/** The port to stored responses, a part of `store.ts`. */
import type { OwnedName } from "../lib/owner.ts";

/** A process on the store; one that is started again has another name. */
export type WorkerId = OwnedName;

/** The processes that make stored responses. */
export interface WorkerStore {
  /** This process. */
  readonly id: WorkerId;
  /** Where others reach this process from now on, known to them with the first response that it makes. */
  announce(url: string): void;
  /** Where a process can be reached; `undefined` where it cannot, has ended, or makes no responses. */
  url(id: WorkerId): Promise<string | undefined>;
}

/** A stored text; a long one is kept in pieces, which are read as they are taken. */
export interface StoredText {
  /** Of its UTF-8. */
  readonly bytes: number;
  /** What it takes in memory as a whole. */
  readonly memoryBytes: number;
  /** The text itself, where it is in memory already. */
  readonly loaded: string | undefined;
  /**
   * Its UTF-8 in pieces of whole characters, default from the first one on; they are shared and not to be changed. Throws
   * `unavailable` where the text is deleted meanwhile.
   */
  chunks(first?: number): AsyncIterable<Buffer>;
}

/** A text to be stored: whole, or in pieces, which may be made as they are taken. */
export type NewText = string | readonly string[] | AsyncIterable<string>;

/**
 * The texts of a stored response. They are JSON, or empty, and opaque here; `service/responses` writes and reads them.
 *
 * - `body`: the response object
 * - `input`: the input items, as they are listed
 * - `items`: this turn's own input, canonical: with `output` what a later turn is built on
 * - `output`: what the answer added to it
 * - `events`: the stream's events, for replay
 */
export type ResponseText = "body" | "input" | "items" | "output" | "events";

/** What of one stored response is no text. */
export interface ResponseFacts {
  id: string;
  /** Id of the key it belongs to; no one else sees it. */
  owner: string;
  /** Milliseconds since the Unix epoch. */
  createdAt: number;
  expiresAt: number;
  /** `running` until the answer is over. `remembered`: not stored, but others may refer to it; only `items` and `output` hold something. */
  state: "running" | "done" | "remembered";
  /** The response that this one continues. */
  previousId: string | null;
  /** Of the form of its texts; 0: from before versions were kept. */
  version: number;
}

export type NewResponse = ResponseFacts & Record<ResponseText, NewText>;
export type ResponseRecord = ResponseFacts &
  Record<ResponseText, StoredText> & {
    /** The other process that makes it; absent where this one does, and where it is over. */
    worker?: WorkerId | undefined;
  };

export interface ResponseUsage {
  count: number;
  bytes: number;
}

/** What the end of a response changes; `expiresAt` is the one it was saved with. */
export interface EndedResponse {
  id: string;
  expiresAt: number;
  body: string | readonly string[];
  output: string | readonly string[];
  events: string | readonly string[];
}

export interface ResponseStore {
  /** Inserts, or replaces the record of the same id. On return it is durable; before that no one sees any of it. */
  save(record: NewResponse): Promise<void>;
  /** Replaces what is there, as `done`; what was deleted meanwhile stays deleted. On return it is durable. */
  end(ended: EndedResponse): Promise<void>;
  /**
   * `undefined` for an unknown or expired id, and for another owner's. Only the texts that are named are read, the others are
   * empty; default all.
   */
  get(id: string, owner: string, texts?: readonly ResponseText[]): Promise<ResponseRecord | undefined>;
  /** How many an owner has, those included that have expired and are not deleted yet, and the bytes of their texts. */
  usage(owner: string): Promise<ResponseUsage>;
  /** Whether there was such a record. */
  delete(id: string, owner: string): Promise<boolean>;
  /** Deletes the oldest records of an owner that are `remembered`; returns how many. */
  forgetOldest(owner: string, most: number): Promise<number>;
  /** Ids of the records still `running` whose process has ended without finishing them. */
  orphans(): Promise<string[]>;
  /** Ends one record that is still `running`, with the body that `ended` makes of its own; `false` where it is over. */
  endOrphan(id: string, ended: (body: StoredText) => Promise<string | readonly string[]>): Promise<boolean>;
  /** Deletes what expired before `now`; returns how many. */
  expire(now: number): Promise<number>;
}
