import { z } from "zod";
import { Secret } from "../lib/secret.ts";
import { httpUrl, networkPlace, positive, secret } from "../lib/setting-type.ts";
import { microsPerDollar } from "../model/account.ts";
import type { PeriodBudgets } from "./budget.ts";

const toMicros = (dollars: number): number => Math.round(dollars * microsPerDollar);
const dollars = z.number().min(0).max(1_000_000_000).transform(toMicros);

const limits = z.strictObject({
  requestsPerMinute: positive.exactOptional().describe("Requests in any 60 seconds."),
  tokensPerMinute: positive.exactOptional().describe("Tokens, input and output together, in any 60 seconds."),
  streams: positive.exactOptional().describe("Answers under way at once."),
  growth: z
    .number()
    .min(1)
    .exactOptional()
    .describe("How many times the requests of ten seconds may exceed those of the ten seconds before."),
});

const month = dollars.transform((amount): PeriodBudgets => ({ month: amount }));
const budgets = z.strictObject({
  day: dollars.exactOptional(),
  week: dollars.exactOptional(),
  month: dollars.exactOptional(),
  total: dollars.exactOptional(),
});
/** Dollars of a month, or dollars by period. */
export const budgetSetting = z.union([month, budgets], {
  error: "must be dollars of a month, or dollars by `day`, `week`, `month` and `total`",
});

const rates = {
  input: dollars.describe("Dollars per million input tokens."),
  cached: dollars.describe("Dollars per million input tokens that a prefix cache held."),
  output: dollars.describe("Dollars per million output tokens, reasoning included."),
};

const price = z.strictObject({
  ...rates,
  long: z
    .strictObject({ above: positive.describe("Input tokens."), ...rates })
    .exactOptional()
    .describe("Other prices for a request with a longer input."),
  priorityPercent: z.int().min(100).default(150).describe("What `service_tier: priority` costs, in percent."),
});

const keyHashText = z.string().regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hexadecimal digits");
const list = z.array(z.string().min(1)).max(200);

/** A key as the settings declare it. */
const declaredKey = z
  .strictObject({
    secret: z
      .string()
      .min(16, "a declared key has at least 16 characters")
      .transform((key) => new Secret(key))
      .exactOptional()
      .describe("The key, by reference: `{ env: NAME }` or `{ file: PATH }`."),
    hash: keyHashText
      .exactOptional()
      .describe("In its place: `sha256:` and the SHA-256 of a random key in hexadecimal."),
    owner: z.string().max(200).exactOptional().describe("Whose it is, in your own words."),
    organisation: z.string().exactOptional().describe("Name of its organisation."),
    tags: list.exactOptional().describe("Your own words."),
    models: list.exactOptional().describe("The only models it may use."),
    ranges: z
      .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))
      .exactOptional()
      .describe("Addresses and ranges it may be used from."),
    limits: limits.exactOptional().describe("Its own limits, as `limits.key`."),
    expiresAt: z
      .union([z.iso.date(), z.iso.datetime({ offset: true })])
      .transform((text) => Date.parse(text))
      .exactOptional()
      .describe("A day or a moment from which on it is refused."),
    budget: budgetSetting.exactOptional().describe("Its own budget, as `budgets.key`."),
  })
  .refine(({ secret, hash }) => (secret === undefined) !== (hash === undefined), "needs either secret or hash");

/** Settings of keys, limits and money; without them nothing is limited and nothing costs. */
export const policySettings = {
  adminKeys: z
    .array(
      z
        .string()
        .min(16, "an admin key has at least 16 characters")
        .transform((key) => new Secret(key)),
    )
    .default([])
    .describe("Keys of the admin API; without any it is off."),
  keys: z
    .record(z.string().min(1).max(200), declaredKey)
    .default({})
    .describe("Keys that are made and kept as they stand here (docs/account.md)."),
  organisations: z
    .record(
      z.string().min(1).max(200),
      z.strictObject({
        limits: limits.exactOptional().describe("Of all its keys together, as `limits.organisation`."),
        budget: budgetSetting.exactOptional().describe("Its own budget, as `budgets.organisation`."),
      }),
    )
    .default({})
    .describe("Organisations that are made and kept as they stand here."),
  trustedProxies: z
    .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))
    .default([])
    .describe(
      "Proxies whose X-Forwarded-For, -Proto and -Host are believed, as addresses or ranges; keys may be bound to addresses.",
    ),
  limits: z
    .strictObject({
      key: limits.prefault({}).describe("Of every key that has none of its own."),
      organisation: limits.prefault({}).describe("Of every organisation that has none of its own."),
      models: z.record(z.string().min(1), limits).default({}).describe("Of a model, over all keys together."),
    })
    .prefault({}),
  prices: z
    .record(z.string().min(1), price)
    .default({})
    .describe("Prices by model name, besides the documented ones, which are built in."),
  budgets: z
    .strictObject({
      key: budgetSetting
        .exactOptional()
        .describe("Dollars of a month, or of `day`, `week`, `month`, `total`, for every key without its own budget."),
      organisation: budgetSetting.exactOptional().describe("The same for every organisation without its own budget."),
    })
    .prefault({}),
  webhooks: z
    .array(
      z.strictObject({
        url: httpUrl,
        secret: secret.exactOptional(),
        events: z
          .array(z.enum(["budget", "replica-down", "replica-up", "errors-high"]))
          .min(1)
          .prefault(["budget", "replica-down", "replica-up", "errors-high"]),
        allow: z.array(networkPlace).default([]),
      }),
    )
    .default([])
    .describe(
      "Addresses that are told of events: `url`, `secret` (signs the calls), `events` (`budget`, `replica-down`, `replica-up`, `errors-high`; default all), `allow` (hosts, addresses and networks that may be called although they are not public); docs/account.md.",
    ),
  alerts: z
    .strictObject({
      budgetPercents: z
        .array(positive.max(100))
        .default([80, 100])
        .describe("Percents of a budget at which webhooks are told."),
      errorPercent: positive
        .max(100)
        .default(20)
        .describe(
          "Percent of the answers of five minutes (20 at least) that fail on our side from which on webhooks are told.",
        ),
    })
    .prefault({}),
  memory: z
    .strictObject({
      requestBytes: positive
        .exactOptional()
        .describe("Most bytes of all requests under way; default an eighth of Node's heap limit less 128 MiB."),
      requestBytesPerKey: positive
        .exactOptional()
        .describe("Most bytes of the requests of one key that are under way; default half of `requestBytes`."),
      rememberedBytes: positive
        .exactOptional()
        .describe("Most bytes of conversations that are remembered and not stored; default a sixteenth of the same."),
      rememberedBytesPerKey: positive
        .exactOptional()
        .describe("Most such bytes of one key; default half of `rememberedBytes`."),
    })
    .prefault({})
    .describe("Bounds of what callers can make the server hold in memory (docs/account.md)."),
  aborted: z
    .enum(["partial", "free"])
    .default("partial")
    .describe("What an answer costs that the caller breaks off: what was used until then, or nothing."),
};
