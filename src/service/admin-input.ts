import { z } from "zod";
import { isNetwork } from "../lib/cidr.ts";
import { invalid } from "../model/error.ts";
import { usageGroups } from "../store/store.ts";
import type { ReportQuery } from "./usage-reports.ts";

/**
 * What operators may say of keys, organisations and money, in one place: the service holds every input to it, the admin
 * API reads its bodies with it, the command line only turns texts into values. Absent fields stay as they are; `null`
 * takes away.
 */

const maxChars = 200;
const maxEntries = 200;

/** PostgreSQL keeps no NUL, and no label needs control characters. */
const label = z
  .string()
  .max(maxChars, `must have at most ${maxChars} characters`)
  .regex(/^\P{Cc}*$/u, "must not hold control characters");
const filled = label.refine((text) => text.trim() !== "", "must not be empty");
const list = z.array(filled).max(maxEntries, `must have at most ${maxEntries} entries`).readonly();
const range = filled.refine(isNetwork, {
  error: ({ input }) => `${JSON.stringify(input)} is no address or CIDR range`,
});
const ranges = z.array(range).max(maxEntries, `must have at most ${maxEntries} entries`).readonly();

const count = z
  .number()
  .refine((value) => Number.isSafeInteger(value) && value >= 1, "must be an integer of 1 or more");
const limits = z.strictObject({
  requestsPerMinute: count.exactOptional(),
  tokensPerMinute: count.exactOptional(),
  streams: count.exactOptional(),
  growth: z.number().min(1, "must be a number of 1 or more").exactOptional(),
});

/** Millionths of a dollar. */
const micros = z.int();
/** `null` for the configured one. */
const budget = micros.min(0, "must be 0 or more").nullable().exactOptional();

const budgets = z.strictObject({ day: budget, week: budget, month: budget, total: budget });

export const accountChange = z.strictObject({
  /** `null`: the subject is no longer held to a balance. */
  balance: micros.nullable().exactOptional(),
  budgets: budgets.exactOptional(),
});

export const keyChange = z.strictObject({
  name: filled.exactOptional(),
  owner: label.exactOptional(),
  /** Id or name of an organisation. */
  organisation: z.string().nullable().exactOptional(),
  tags: list.exactOptional(),
  /** Model names; `null` for all. */
  models: list.nullable().exactOptional(),
  /** Addresses and CIDR ranges; `null` for everywhere. */
  ranges: ranges.nullable().exactOptional(),
  limits: limits.exactOptional(),
  /** Milliseconds since the Unix epoch. */
  expiresAt: z.int("must be a time").nullable().exactOptional(),
  disabled: z.boolean().exactOptional(),
});
export const newKey = keyChange.omit({ disabled: true }).extend({ name: filled, budgets: budgets.exactOptional() });
export type KeyInput = z.output<typeof keyChange>;
export type NewKey = z.output<typeof newKey>;

export const organisationChange = z.strictObject({
  name: filled.exactOptional(),
  disabled: z.boolean().exactOptional(),
  limits: limits.exactOptional(),
});
export const newOrganisation = organisationChange.extend({ name: filled });
export type OrganisationInput = z.output<typeof organisationChange>;
export type NewOrganisation = z.output<typeof newOrganisation>;

export type AccountInput = z.output<typeof accountChange>;

const moment = z.union([z.iso.date(), z.iso.datetime({ offset: true })]).transform((text) => Date.parse(text));

/** The same as JSON bodies of the admin API hold it: times as ISO texts, money under names with its unit. */
const expiresAt = moment.nullable().exactOptional();
export const keyChangeBody = keyChange.extend({ expiresAt });
/** `budgetMicros` is of a month: short for `budgets.month`. */
export const newKeyBody = newKey
  .extend({ expiresAt, budgetMicros: budget })
  .transform(({ budgetMicros, ...input }) => ({
    ...input,
    ...(budgetMicros !== undefined && { budgets: { month: budgetMicros, ...input.budgets } }),
  }));
/** How long the secret before works beside the new one: hours or days, as `24h` and `7d`. */
export const overlap = z
  .string()
  .regex(/^\d{1,4}[hd]$/, "must be hours or days such as 24h or 7d")
  .transform((text) => Number.parseInt(text, 10) * (text.endsWith("d") ? 24 : 1) * 3_600_000);
export const rotationBody = z.strictObject({ overlap: overlap.exactOptional() });
export const keysQuery = z.strictObject({
  organisation: z.string().exactOptional(),
  owner: z.string().exactOptional(),
  tag: z.string().exactOptional(),
});
export const accountChangeBody = z
  .strictObject({
    balanceMicros: accountChange.shape.balance,
    /** Of a month: short for `budgets.month`. */
    budgetMicros: budget,
    budgets: accountChange.shape.budgets,
  })
  .transform(({ balanceMicros: balance, budgetMicros, budgets }) => ({
    ...(balance !== undefined && { balance }),
    ...((budgetMicros !== undefined || budgets !== undefined) && {
      budgets: { ...(budgetMicros !== undefined && { month: budgetMicros }), ...budgets },
    }),
  }));
export const creditBody = z.strictObject({ amountMicros: micros });

/** One or two groups of a report, as `key` or `organisation,model`. */
const reportGroups = z.string().transform((text, context): ReportQuery["by"] => {
  const [first, second, ...more] = text.split(",").map((one) => usageGroups.find((group) => group === one.trim()));
  const isPair = second !== undefined && second !== first && text.includes(",");
  if (first !== undefined && more.length === 0 && (isPair || !text.includes(",")))
    return isPair ? [first, second] : [first];
  context.addIssue({ code: "custom", message: `must be one or two of ${usageGroups.join(", ")}` });
  return z.NEVER;
});

export const reportBy = z.strictObject({ by: reportGroups });

/** Which rows of the ledger a report or a list is of. */
const rowFilter = {
  from: moment.exactOptional(),
  to: moment.exactOptional(),
  /** `keyId` is the older name. */
  key: z.string().exactOptional(),
  keyId: z.string().exactOptional(),
  organisation: z.string().exactOptional(),
  model: z.string().exactOptional(),
  engine: z.string().exactOptional(),
};
const withKey = <T extends { key?: string; keyId?: string }>({ keyId, ...query }: T): Omit<T, "keyId"> =>
  keyId === undefined ? query : { ...query, key: keyId };

export const usageQuery = z
  .strictObject({
    by: reportGroups.prefault("day"),
    ...rowFilter,
    format: z.enum(["json", "csv"]).default("json"),
  })
  .transform(withKey);
const ownGroups: ReadonlySet<string | undefined> = new Set(["day", "hour", "model"]);
/** What the holder of a key may ask for: times and models, for the rest is the same in every row. */
export const ownUsageQuery = z.strictObject({
  by: reportGroups
    .refine((by) => by.every((group) => ownGroups.has(group)), "must be one or two of day, hour, model")
    .prefault("day,model"),
  from: moment.exactOptional(),
  to: moment.exactOptional(),
});
export const ledgerQuery = z
  .strictObject({
    ...rowFilter,
    outcome: z.string().exactOptional(),
    request: z.string().exactOptional(),
    after: z.string().exactOptional(),
    limit: z.coerce.number().int().min(1).max(1_000).default(50),
  })
  .transform(withKey);

/** The input as the schema reads it. Throws `invalid`, naming the field: `ranges[1]`, `limits.streams`. */
export function checkInput<T>(value: unknown, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = issue?.code === "unrecognized_keys" ? issue.keys.join(", ") : fieldName(issue?.path ?? []);
  throw invalid(at === "" ? "body" : at, issue?.message ?? "is not valid");
}

function fieldName(path: readonly PropertyKey[]): string {
  return path.reduce<string>((name, key) => {
    if (typeof key === "number") return `${name}[${key}]`;
    return name === "" ? String(key) : `${name}.${String(key)}`;
  }, "");
}
