import { z } from "zod";
import { Secret } from "../lib/secret.ts";
import { positive } from "../lib/setting-type.ts";
import { microsPerDollar } from "../model/account.ts";

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
      key: dollars.exactOptional().describe("Dollars a month for every key that has no budget of its own."),
      organisation: dollars.exactOptional().describe("Dollars a month for every organisation without its own."),
    })
    .prefault({}),
  memory: z
    .strictObject({
      requestBytes: positive
        .exactOptional()
        .describe("Most bytes of all requests under way; default an eighth of the heap limit of Node."),
      requestBytesPerKey: positive
        .exactOptional()
        .describe("Most bytes of the requests of one key that are under way; default half of `requestBytes`."),
      rememberedBytes: positive
        .exactOptional()
        .describe(
          "Most bytes of conversations that are remembered and not stored; default a sixteenth of the heap limit.",
        ),
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
