/** What has no row in docs/limits.md, though its form is that of a bound. */

/** Settings with a number that bound nothing a caller does. */
export const noBounds: readonly string[] = [
  "workers",
  "port",
  "server.peer.port",
  "alerts.errorPercent",
  // the same limits as under limits.key, limits.organisation and budgets, for one
  ...["keys", "organisations"].flatMap((kind) => [
    ...["requestsPerMinute", "tokensPerMinute", "streams", "growth"].map((name) => `${kind}.<name>.limits.${name}`),
    `${kind}.<name>.budget`,
  ]),
  ...["packetMinimum", "packetMaximum", "packetWaitMs"].map((name) => `sse.${name}`),
  "telemetry.otlp.ratio",
  "engines.<name>(llama).threads",
  "engines.<name>(llama-server).threads",
  ...[
    "prefillTokensPerSecond",
    "decodeTokensPerSecond",
    "tokensPerBatch",
    "cacheTokens",
    "cacheBlock",
    "journal",
    "seed",
  ].map((name) => `engines.<name>(sim).${name}`),
  "engines.<name>(replay).speed",
  ...["input", "cached", "output", "long.above", "long.input", "long.cached", "long.output", "priorityPercent"].map(
    (name) => `prices.<name>.${name}`,
  ),
];

/** Constants of the sources with the name of a bound that no caller meets: steps of own work, commands, what is shown. */
export const innerBounds: readonly string[] = [
  // commands and their words
  "src/cli/client/client.ts#maxAgentOutput",
  "src/cli/models.ts#maxRetries",
  "src/cli/process-log.ts#maxWarning",
  "src/cli/start-screen.ts#maxNames",
  "src/service/pull/hub.ts#maxHops",
  // words of errors and of the log
  "src/engine/replay/difference.ts#maxShownChars",
  "src/engine/upstream/address-check.ts#maxPlaces",
  "src/engine/upstream/served-models.ts#maxQuoted",
  "src/http/watch-request.ts#maxSegments",
  "src/lib/json-schema/malformed.ts#maxNameChars",
  "src/lib/json-schema/malformed.ts#maxPathChars",
  "src/store/blob/s3.ts#maxErrorChars",
  "src/telemetry/fault.ts#maxCauses",
  "src/telemetry/fault.ts#maxFrames",
  // how something is written, looked at or remembered
  "src/engine/llama/constraint.ts#maxBoundedTokens",
  "src/engine/llama/number-grammar.ts#maxDigits",
  "src/engine/llama/schema-grammar.ts#maxInlineChars",
  "src/engine/llama/token-text.ts#maxWaitTokens",
  "src/engine/sim/reply.ts#maxQuoteChars",
  "src/engine/upstream/read/answer.ts#maxBlankReads",
  "src/engine/upstream/wire/exchange.ts#maxQueuedBytes",
  "src/lib/json-schema/form.ts#maxEnding",
  "src/lib/json-schema/held.ts#maxDepth",
  "src/lib/regex/sized.ts#maxRepeats",
  "src/model/id.ts#maxPooledBytes",
  "src/model/picture.ts#maxLongSide",
  "src/model/token-estimate.ts#maxOutput",
  "src/policy/limiter.ts#maxIdleCounters",
  "src/policy/moderate/normalize.ts#maxClusterUnits",
  "src/surface/shared/chunk-coalescer.ts#maxTinyWaits",
  "src/surface/shared/prompt-size.ts#maxLevels",
  // how often, and how much at once, the server does something by itself
  "src/engine/upstream/managed.ts#maxPauseMs",
  "src/http/connection/connections.ts#maxSurplusEnded",
  "src/http/connection/connections.ts#maxTickMs",
  "src/http/connection/read-turns.ts#maxReadAgain",
  "src/http/cors.ts#maxAgeSeconds",
  "src/http/responses/frame-splitter.ts#maxHeaderBytes",
  "src/http/server.ts#maxCheckMs",
  "src/http/server.ts#maxTurns",
  "src/service/alert/budget-watch.ts#maxKnown",
  "src/service/ledger-retention.ts#maxRows",
  "src/service/ledger.ts#maxAttemptsClosing",
  "src/store/account-table.ts#maxKept",
  "src/store/key-table.ts#maxKeptKeys",
  "src/store/long-text.ts#maxReferenceChars",
  "src/store/sqlite.ts#maxLookMs",
  "src/store/sqlite.ts#maxStatements",
  "src/supervisor/settings.ts#maxWorkers",
  "src/telemetry/log.ts#maxBatchChars",
  "src/telemetry/otlp.ts#maxAttempts",
  "src/telemetry/otlp.ts#maxBatchSpans",
  // forms of other programs
  "src/lib/tar.ts#maxOctal",
  "src/media/child.ts#maxErrorChars",
  "src/service/file-content.ts#maxBytes",
];
