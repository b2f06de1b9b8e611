import type { FastifyInstance } from "fastify";
import { parseSubject, type Subject } from "../../model/account.ts";
import { invalid } from "../../model/error.ts";
import type { AdminService } from "../../service/admin.ts";
import { accountChangeBody, creditBody } from "../../service/admin-input.ts";
import { accountView } from "../../service/report.ts";
import { adminPath, body, type BodyReading } from "./body.ts";

interface ById {
  Params: { id: string };
}

/** `:id` is a subject: `key:<id>` or `organisation:<id>`. */
export function mountMoney(server: FastifyInstance, admin: AdminService, reading: BodyReading): void {
  const one = `${adminPath}/accounts/:id`;
  server.get(`${adminPath}/accounts`, async () => ({ data: (await admin.money.list()).map(accountView) }));
  server.get<ById>(one, async ({ params }) => accountView(await admin.money.get(await known(admin, params.id))));
  server.patch<ById>(one, async (request) => {
    const change = await body(request, accountChangeBody, reading);
    return accountView(await admin.money.change(await known(admin, request.params.id), change));
  });
  server.post<ById>(`${one}/credit`, async (request) => {
    const { amountMicros } = await body(request, creditBody, reading);
    return accountView(await admin.money.credit(await known(admin, request.params.id), amountMicros));
  });
}

async function known(admin: AdminService, text: string): Promise<Subject> {
  const subject = parseSubject(text);
  if (subject === undefined || subject.kind === "model") {
    throw invalid("subject", "must be key:<id> or organisation:<id>");
  }
  return admin.subject({ [subject.kind]: subject.id });
}
