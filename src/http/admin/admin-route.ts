import type { FastifyInstance } from "fastify";
import type { AdminService } from "../../service/admin.ts";
import { mountAudit, useAudit } from "../audit-route.ts";
import { adminPath, type BodyReading } from "./body.ts";
import { mountKeys } from "./keys-route.ts";
import { mountMoney } from "./money-route.ts";
import { mountOrganisations } from "./organisations-route.ts";
import { mountReports } from "./reports-route.ts";

export interface AdminRouteOptions extends BodyReading {
  admin: AdminService;
  /** Throws unless the header holds an admin key; returns its name in the audit log. */
  check: (authorization: string | undefined) => string;
}

/** Keys, organisations, money and reports for operators. Every route asks for an admin key before it reads a body. */
export async function mountAdmin(
  server: FastifyInstance,
  { admin, check, ...reading }: AdminRouteOptions,
): Promise<void> {
  await server.register(async (scope) => {
    useAudit(scope, { admin, check });
    mountKeys(scope, admin, reading);
    mountOrganisations(scope, admin, reading);
    mountMoney(scope, admin, reading);
    mountReports(scope, admin.reports);
    mountAudit(scope, `${adminPath}/audit`, admin.audit);
  });
}
