import type { FastifyInstance } from "fastify";
import { checkInput, ledgerQuery, usageQuery } from "../../service/admin-input.ts";
import { ledgerView, sumsView, usageCsv, usageView } from "../../service/report.ts";
import type { UsageReports } from "../../service/usage-reports.ts";
import { adminPath } from "./body.ts";

/** Sums and single rows of what was used. */
export function mountReports(server: FastifyInstance, reports: UsageReports): void {
  server.get(`${adminPath}/usage`, async (request, reply) => {
    const { format, ...query } = checkInput(request.query, usageQuery);
    const { rows, total } = await reports.usage(query);
    if (format === "json") return { by: query.by.join(","), data: rows.map(usageView), total: sumsView(total) };
    return reply.type("text/csv; charset=utf-8").send(usageCsv(rows, query.by.length > 1));
  });
  server.get(`${adminPath}/ledger`, async (request) => {
    const { rows, next } = await reports.ledger(checkInput(request.query, ledgerQuery));
    return { data: rows.map(ledgerView), next: next ?? null };
  });
  server.get<{ Params: { id: string } }>(`${adminPath}/ledger/:id`, async ({ params }) =>
    ledgerView(await reports.request(params.id)),
  );
}
