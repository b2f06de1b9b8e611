import type { FastifyInstance, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { ByteBudget } from "../lib/byte-budget.ts";
import { parseSubject, type Subject } from "../model/account.ts";
import { invalid } from "../model/error.ts";
import type { AdminService } from "../service/admin.ts";
import {
  accountChangeBody,
  checkInput,
  creditBody,
  keyChangeBody,
  ledgerQuery,
  newKeyBody,
  newOrganisation,
  organisationChange,
  usageQuery,
} from "../service/admin-input.ts";
import { accountView, keyView, ledgerView, organisationView, usageCsv, usageView } from "../service/report.ts";
import { mountAudit, useAudit } from "./audit-route.ts";
import { readJson } from "./body.ts";
import type { JsonReader } from "./json-reader.ts";

export interface AdminRouteOptions {
  admin: AdminService;
  /** Throws unless the header holds an admin key; returns its name in the audit log. */
  check(authorization: string | undefined): string;
  bodyLimit: number;
  jsonReader: JsonReader;
  /** Bytes of the requests under way; all of the admin API have one owner. */
  requestBudget: ByteBudget;
}

interface ById {
  Params: { id: string };
}

const path = "/admin/api";

/** Keys, organisations, money and reports for operators. Every route asks for an admin key before it reads a body. */
export async function mountAdmin(server: FastifyInstance, options: AdminRouteOptions): Promise<void> {
  await server.register(async (scope) => {
    useAudit(scope, options);
    mountKeys(scope, options);
    mountOrganisations(scope, options);
    mountMoney(scope, options);
    mountAudit(scope, `${path}/audit`, options.admin.audit);
  });
}

function mountKeys(server: FastifyInstance, { admin, ...reading }: AdminRouteOptions): void {
  const one = `${path}/keys/:id`;
  server.get(`${path}/keys`, async () => ({ data: (await admin.keys()).map(keyView) }));
  server.post(`${path}/keys`, async (request, reply) => {
    const { key, record } = await admin.createKey(await body(request, newKeyBody, reading));
    return reply.code(201).send({ ...keyView(record), key });
  });
  server.get<ById>(one, async ({ params }) => keyView(await admin.key(params.id)));
  server.patch<ById>(one, async (request) =>
    keyView(await admin.changeKey(request.params.id, await body(request, keyChangeBody, reading))),
  );
  server.delete<ById>(one, async ({ params }) => ({ id: (await admin.deleteKey(params.id)).id, deleted: true }));
  server.post<ById>(`${one}/disable`, async ({ params }) =>
    keyView(await admin.changeKey(params.id, { disabled: true })),
  );
  server.post<ById>(`${one}/enable`, async ({ params }) =>
    keyView(await admin.changeKey(params.id, { disabled: false })),
  );
  server.post<ById>(`${one}/rotate`, async ({ params }) => {
    const { key, record } = await admin.rotateKey(params.id);
    return { ...keyView(record), key };
  });
}

function mountOrganisations(server: FastifyInstance, { admin, ...reading }: AdminRouteOptions): void {
  const all = `${path}/organisations`;
  server.get(all, async () => ({ data: (await admin.organisations()).map(organisationView) }));
  server.post(all, async (request, reply) => {
    const made = await admin.createOrganisation(await body(request, newOrganisation, reading));
    return reply.code(201).send(organisationView(made));
  });
  server.get<ById>(`${all}/:id`, async ({ params }) => organisationView(await admin.organisation(params.id)));
  server.patch<ById>(`${all}/:id`, async (request) =>
    organisationView(
      await admin.changeOrganisation(request.params.id, await body(request, organisationChange, reading)),
    ),
  );
  server.delete<ById>(`${all}/:id`, async ({ params }) => ({
    id: (await admin.deleteOrganisation(params.id)).id,
    deleted: true,
  }));
}

/** `:id` is a subject: `key:<id>` or `organisation:<id>`. */
function mountMoney(server: FastifyInstance, { admin, ...reading }: AdminRouteOptions): void {
  const one = `${path}/accounts/:id`;
  server.get(`${path}/accounts`, async () => ({ data: (await admin.accounts()).map(accountView) }));
  server.get<ById>(one, async ({ params }) => accountView(await admin.account(await known(admin, params.id))));
  server.patch<ById>(one, async (request) => {
    const change = await body(request, accountChangeBody, reading);
    return accountView(await admin.changeAccount(await known(admin, request.params.id), change));
  });
  server.post<ById>(`${one}/credit`, async (request) => {
    const { amountMicros } = await body(request, creditBody, reading);
    return accountView(await admin.credit(await known(admin, request.params.id), amountMicros));
  });
  server.get(`${path}/ledger`, async (request) => {
    const { limit } = checkInput(request.query, ledgerQuery);
    return { data: (await admin.ledger(limit)).map(ledgerView) };
  });
  server.get(`${path}/usage`, async (request, reply) => {
    const { format, ...query } = checkInput(request.query, usageQuery);
    const rows = await admin.usage(query);
    if (format === "json") return { by: query.by, data: rows.map(usageView) };
    return reply.type("text/csv; charset=utf-8").send(usageCsv(rows));
  });
}

async function known(admin: AdminService, text: string): Promise<Subject> {
  const subject = parseSubject(text);
  if (subject === undefined || subject.kind === "model") {
    throw invalid("subject", "must be key:<id> or organisation:<id>");
  }
  return admin.subject({ [subject.kind]: subject.id });
}

async function body<T>(
  request: FastifyRequest,
  schema: z.ZodType<T>,
  { bodyLimit, jsonReader, requestBudget }: Pick<AdminRouteOptions, "bodyLimit" | "jsonReader" | "requestBudget">,
): Promise<T> {
  const lease = requestBudget.lease("admin");
  const release = lease.hold();
  try {
    return checkInput(
      await readJson(request.raw, { limit: bodyLimit, reader: jsonReader, lease, signal: undefined }),
      schema,
    );
  } finally {
    release();
  }
}
