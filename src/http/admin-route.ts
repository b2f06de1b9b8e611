import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { parseSubject, type Subject } from "../model/account.ts";
import { invalid } from "../model/error.ts";
import type { AdminService } from "../service/admin.ts";
import { accountView, keyView, ledgerView, organisationView, usageCsv, usageView } from "../service/report.ts";
import { readJson } from "./body.ts";

export interface AdminRouteOptions {
  admin: AdminService;
  /** Throws unless the header holds an admin key. */
  check(authorization: string | undefined): void;
  bodyLimit: number;
}

interface ById {
  Params: { id: string };
}

const text = z.string();
const list = z.array(text).readonly();
const time = z.iso.datetime({ offset: true }).transform((said) => Date.parse(said));
const limits = z.strictObject({
  requestsPerMinute: z.number().exactOptional(),
  tokensPerMinute: z.number().exactOptional(),
  streams: z.number().exactOptional(),
  growth: z.number().exactOptional(),
});

const keyChange = z.strictObject({
  name: text.exactOptional(),
  owner: text.exactOptional(),
  organisation: text.nullable().exactOptional(),
  tags: list.exactOptional(),
  models: list.nullable().exactOptional(),
  ranges: list.nullable().exactOptional(),
  limits: limits.exactOptional(),
  expiresAt: time.nullable().exactOptional(),
  disabled: z.boolean().exactOptional(),
});
const keyCreate = keyChange.omit({ disabled: true }).extend({ name: text });

const organisationChange = z.strictObject({
  name: text.exactOptional(),
  disabled: z.boolean().exactOptional(),
  limits: limits.exactOptional(),
});
const organisationCreate = organisationChange.extend({ name: text });

const micros = z.int();
const accountChange = z.strictObject({
  balanceMicros: micros.nullable().exactOptional(),
  budgetMicros: micros.nullable().exactOptional(),
});
const credit = z.strictObject({ amountMicros: micros });

const day = z.union([z.iso.date(), z.iso.datetime({ offset: true })]).transform((said) => Date.parse(said));
const usageQuery = z.strictObject({
  by: z.enum(["key", "organisation", "model", "day"]).default("day"),
  from: day.exactOptional(),
  to: day.exactOptional(),
  keyId: text.exactOptional(),
  organisation: text.exactOptional(),
  model: text.exactOptional(),
  format: z.enum(["json", "csv"]).default("json"),
});

const ledgerQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(1_000).default(50) });

const path = "/admin/api";

/** Keys, organisations, money and reports for operators. Every route asks for an admin key before it reads a body. */
export async function mountAdmin(server: FastifyInstance, options: AdminRouteOptions): Promise<void> {
  await server.register(async (scope) => {
    scope.addHook("onRequest", async (request) => options.check(request.headers.authorization));
    mountKeys(scope, options);
    mountOrganisations(scope, options);
    mountMoney(scope, options);
  });
}

function mountKeys(server: FastifyInstance, { admin, bodyLimit }: AdminRouteOptions): void {
  const one = `${path}/keys/:id`;
  server.get(`${path}/keys`, async () => ({ data: (await admin.keys()).map(keyView) }));
  server.post(`${path}/keys`, async (request, reply) => {
    const { key, record } = await admin.createKey(await body(request, keyCreate, bodyLimit));
    return reply.code(201).send({ ...keyView(record), key });
  });
  server.get<ById>(one, async ({ params }) => keyView(await admin.key(params.id)));
  server.patch<ById>(one, async (request) =>
    keyView(await admin.changeKey(request.params.id, await body(request, keyChange, bodyLimit))),
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

function mountOrganisations(server: FastifyInstance, { admin, bodyLimit }: AdminRouteOptions): void {
  const all = `${path}/organisations`;
  server.get(all, async () => ({ data: (await admin.organisations()).map(organisationView) }));
  server.post(all, async (request, reply) => {
    const made = await admin.createOrganisation(await body(request, organisationCreate, bodyLimit));
    return reply.code(201).send(organisationView(made));
  });
  server.get<ById>(`${all}/:id`, async ({ params }) => organisationView(await admin.organisation(params.id)));
  server.patch<ById>(`${all}/:id`, async (request) =>
    organisationView(
      await admin.changeOrganisation(request.params.id, await body(request, organisationChange, bodyLimit)),
    ),
  );
  server.delete<ById>(`${all}/:id`, async ({ params }) => ({
    id: (await admin.deleteOrganisation(params.id)).id,
    deleted: true,
  }));
}

/** `:id` is a subject: `key:<id>` or `organisation:<id>`. */
function mountMoney(server: FastifyInstance, { admin, bodyLimit }: AdminRouteOptions): void {
  const one = `${path}/accounts/:id`;
  server.get(`${path}/accounts`, async () => ({ data: (await admin.accounts()).map(accountView) }));
  server.get<ById>(one, async ({ params }) => accountView(await admin.account(await known(admin, params.id))));
  server.patch<ById>(one, async (request) => {
    const { balanceMicros, budgetMicros } = await body(request, accountChange, bodyLimit);
    const subject = await known(admin, request.params.id);
    if (balanceMicros !== undefined) await admin.setBalance(subject, balanceMicros);
    if (budgetMicros !== undefined) await admin.setBudget(subject, budgetMicros);
    return accountView(await admin.account(subject));
  });
  server.post<ById>(`${one}/credit`, async (request) => {
    const { amountMicros } = await body(request, credit, bodyLimit);
    return accountView(await admin.credit(await known(admin, request.params.id), amountMicros));
  });
  server.get(`${path}/ledger`, async (request) => {
    const { limit } = check(request.query, ledgerQuery);
    return { data: (await admin.ledger(limit)).map(ledgerView) };
  });
  server.get(`${path}/usage`, async (request, reply) => {
    const { format, ...query } = check(request.query, usageQuery);
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

async function body<T>(request: FastifyRequest, schema: z.ZodType<T>, limit: number): Promise<T> {
  return check(await readJson(request.raw, limit), schema);
}

function check<T>(value: unknown, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = issue?.code === "unrecognized_keys" ? issue.keys.join(", ") : (issue?.path.map(String).join(".") ?? "");
  throw invalid(at === "" ? "body" : at, issue?.message ?? "is not valid");
}
