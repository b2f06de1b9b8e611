import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { checkInput } from "../service/admin-input.ts";
import { auditView, type AuditLog } from "../service/audit.ts";

export interface AuditOptions {
  admin: { audit: AuditLog };
  /** Throws unless the header holds an admin key; returns its name in the audit log. */
  check(authorization: string | undefined): string;
}

const auditQuery = z.strictObject({
  actor: z.string().exactOptional(),
  target: z.string().exactOptional(),
  after: z.string().exactOptional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(50),
});

/** Every request of the scope needs an admin key, and what it changes is recorded under its name. */
export function useAudit(scope: FastifyInstance, options: AuditOptions): void {
  scope.addHook("onRequest", (request, _reply, done) => {
    options.admin.audit.as(options.check(request.headers.authorization), done);
  });
}

/** The log of changes, in pages. */
export function mountAudit(scope: FastifyInstance, path: string, audit: AuditLog): void {
  scope.get(path, async (request) => {
    const { rows, next } = await audit.page(checkInput(request.query, auditQuery));
    return { data: rows.map(auditView), next: next ?? null };
  });
}
