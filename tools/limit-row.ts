/** The rows of docs/limits.md. Defaults are not written here: `from` names the setting or the constant that has them. */

export interface Bound {
  what: string;
  /** A setting by its full name, or `src/path.ts#constant`, or `src/path.ts` with a `value`; several where one row stands for them. */
  from: string | readonly string[];
  /** What the caller gets at it: status, code, message. */
  at: string;
  /** Where the name does not show it. */
  unit?: "bytes" | "ms" | "s" | "days" | "characters" | "";
  /** The default in words, where a number alone would not be understood. */
  value?: string;
}

interface Section {
  title: string;
  words?: string;
  bounds: readonly Bound[];
}

const closed = "the connection is closed";
const tooLate = "504 (1001) before the answer began, else an `error` event ends the stream";

export const limitSections: readonly Section[] = [
  {
    title: "Connections",
    words:
      "One clock looks at every connection once a second, whatever it is used for. Behind a proxy all callers share its address: name it in `trustedProxies`, and the bound of one address does not hold for it.",
    bounds: [
      {
        what: "headers of a request; a new connection without one",
        from: "server.timeouts.headersSeconds",
        at: `400 where something was sent, then ${closed}`,
      },
      { what: "a request body", from: "server.timeouts.bodySeconds", at: closed },
      { what: "an upload", from: "server.timeouts.uploadSeconds", at: closed },
      {
        what: "the rest of a body whose answer was sent (401, 404, 405, 413, `/healthz`)",
        from: "server.timeouts.refusedSeconds",
        at: closed,
      },
      { what: "a connection without a request", from: "server.timeouts.idleSeconds", at: closed },
      {
        what: "64 KiB of an answer that waits for its reader (SSE, JSON, files, WebSocket), or of an upload",
        from: "server.timeouts.stallSeconds",
        at: `${closed}; engine and upstream are free at once`,
      },
      { what: "a refused connection that its caller does not close", from: "server.timeouts.closeSeconds", at: closed },
      {
        what: "connections in all",
        from: "server.connections.total",
        at: "the oldest that has shown no key is closed, else an idle one of the key that has most, else the new one; also at four fifths of the files that the process may open",
      },
      {
        what: "connections of one address that have shown no key",
        from: "server.connections.perAddress",
        at: "the oldest of them is closed",
      },
      { what: "connections of one key", from: "server.connections.perKey", value: "half of all", at: "429 (1041)" },
      { what: "WebSockets in all", from: "server.connections.webSockets", at: "the handshake is answered 429 (1041)" },
      {
        what: "WebSockets of one key",
        from: "server.connections.webSocketsPerKey",
        value: "half of all",
        at: "the handshake is answered 429 (1041)",
      },
      {
        what: "a WebSocket without a message",
        from: "src/http/responses/socket.ts#idleMs",
        value: "1 h",
        at: "closed with 1000",
      },
      {
        what: "pipelined requests that wait for the one before them",
        from: "src/http/connection/connection.ts#maxPipelined",
        at: "no more are read meanwhile",
      },
      {
        what: "messages of one WebSocket that wait",
        from: "src/http/responses/session.ts#maxQueue",
        at: "an `error` event, 429 (1041): too many waiting messages",
      },
      {
        what: "bytes that wait for a slow reader of a WebSocket",
        from: "src/http/responses/socket-writer.ts#maxBufferedBytes",
        at: "the engine waits too",
      },
      { what: "a body's rest after a refusal", from: "src/http/body.ts#drainMs", at: closed },
      {
        what: "silence of a stream, after which a comment line is sent; time between two pings of a WebSocket",
        from: "server.heartbeatSeconds",
        at: "a WebSocket whose peer did not answer a ping is closed",
      },
      {
        what: "requests that are still taken after SIGTERM; 0 on a terminal",
        from: "server.shutdownDelaySeconds",
        value: "5 s",
        at: "the port is closed",
      },
      {
        what: "running answers when the port is closed",
        from: "server.drainSeconds",
        at: "they end with 503, streams with an `error` event",
      },
    ],
  },
  {
    title: "Bodies",
    words: "They hold for JSON bodies and for messages of a WebSocket alike.",
    bounds: [
      {
        what: "a request body, as sent and as decoded",
        from: "server.bodyLimit",
        at: "413 (2013) `body: larger than the limit of N bytes`; a WebSocket is closed with 1009",
      },
      { what: "JSON values in a body", from: "server.bodyValues", at: "400 (2013) that names the body" },
      {
        what: "levels of JSON",
        from: ["src/http/json-reader.ts#maxDepth"],
        at: "400 (2013) `is nested deeper than N levels`",
      },
      { what: "a name of a field", from: "src/lib/json-scanner/parse.ts#maxKeyUnits", at: "400 (2013)" },
      {
        what: "one text, but for the data of images and videos",
        from: "src/lib/long-text.ts#maxStringUnits",
        at: "400 (2013) that names the field; a longer prompt goes in several",
      },
      {
        what: "content codings of a body, and of an upstream's answer",
        from: "src/lib/content-coding.ts#maxCodings",
        at: "400 (2013) `content-encoding`; an upstream's: 502 (1033)",
      },
      {
        what: "work of rendering a prompt here (`mode: completions`, the embedded engine): a value counts 1, an object 5, a message 15",
        from: "src/engine/template/render.ts#maxWork",
        at: "400 (2013) `messages` or `tools`",
      },
      {
        what: "one turn of work on large bodies; of what begins or ends for many callers at once",
        from: "src/lib/time-slices.ts#sliceMs",
        at: "the rest waits for the next turn of the event loop",
      },
      {
        what: "bytes of all bodies that are received in one turn",
        from: "src/lib/intake.ts#turnBytes",
        at: "the rest waits for the next turn of the event loop",
      },
      {
        what: "new connections before such work, while they come in without a pause",
        from: "src/lib/arrivals.ts#acceptMs",
        at: "the work goes on for some milliseconds, then they come first again",
      },
      {
        what: "images; videos of one request",
        from: "src/surface/chat/media.ts#maxParts",
        value: "200; 20",
        at: "400 (2013) `the num of image is larger than the limit: 200`",
      },
      { what: "stop texts", from: "src/surface/shared/sampling.ts#maxStops", at: "400 (2013) `stop`" },
      {
        what: "blocks of reasoning in one message",
        from: "src/surface/chat/reasoning-input.ts#maxBlocks",
        at: "400 (2013) that names the message",
      },
      {
        what: "item references of one request",
        from: "src/service/responses/recall.ts#maxReferences",
        at: "400 (2013) `input: must hold at most 1000 item references`",
      },
      {
        what: "turns of one chain of `previous_response_id`",
        from: "src/service/responses/archive.ts#maxChainLength",
        at: "400 (2013) `previous_response_id`: not found",
      },
      {
        what: "items of one page of `input_items`",
        from: "src/http/responses/stored-route.ts#maxPageItems",
        at: "400 (2013) `limit`",
      },
    ],
  },
  {
    title: "Schemas and patterns",
    words:
      "`response_format`, `text.format` and the parameters of tools. What an engine cannot hold an answer to is a 400 (2013) that names the field.",
    bounds: [
      {
        what: "steps of reading the schemas of a request",
        from: "src/lib/json-schema/work.ts#maxSteps",
        at: "400 (2013) `is too complex`",
      },
      {
        what: "parts of the schemas of a request",
        from: "src/lib/json-schema/work.ts#maxNodes",
        at: "400 (2013) `is too large`",
      },
      {
        what: "characters of the schemas of a request",
        from: "src/lib/json-schema/work.ts#maxChars",
        at: "400 (2013) `is too large`",
      },
      {
        what: "levels of a schema, references followed",
        from: "src/lib/json-schema/reader.ts#maxDepth",
        at: "400 (2013)",
      },
      { what: "a `pattern`", from: "src/lib/regex/parse.ts#maxPatternChars", at: "400 (2013)" },
      { what: "levels of a `pattern`", from: "src/lib/regex/parse.ts#maxDepth", at: "400 (2013)" },
      { what: "one count in a `pattern`", from: "src/lib/regex/sized.ts#maxCount", at: "400 (2013)" },
      { what: "ways through a `pattern`", from: "src/lib/regex/sized.ts#maxPaths", at: "400 (2013)" },
      {
        what: "cost of a grammar of the embedded engine",
        from: "src/engine/llama/grammar.ts#maxReadCost",
        at: "400 (2013)",
      },
      {
        what: "forms that an answer may have side by side, embedded engine",
        from: "src/engine/llama/schema-width.ts#maxReadings",
        at: "400 (2013)",
      },
      {
        what: "items of a list that the simulator writes",
        from: "src/engine/sim/schema-value.ts#maxItems",
        at: "400 (2013)",
      },
      {
        what: "steps of the simulator for one schema",
        from: "src/engine/sim/schema-value.ts#maxSteps",
        at: "400 (2013)",
      },
      {
        what: "text that the simulator fills up",
        from: "src/engine/sim/schema-value.ts#maxFilledChars",
        at: "400 (2013)",
      },
    ],
  },
  {
    title: "Limits of keys and money",
    words: "Requests of a key beyond them are refused before an engine is asked: [account.md](account.md).",
    bounds: [
      {
        what: "requests in 60 seconds: of a key, an organisation",
        from: ["limits.key.requestsPerMinute", "limits.organisation.requestsPerMinute"],
        value: "none",
        at: "429 (1002) with `Retry-After`",
      },
      {
        what: "tokens in 60 seconds: of a key, an organisation",
        from: ["limits.key.tokensPerMinute", "limits.organisation.tokensPerMinute"],
        value: "none",
        at: "429 (1002) with `Retry-After`",
      },
      {
        what: "answers at once: of a key, an organisation",
        from: ["limits.key.streams", "limits.organisation.streams"],
        value: "none",
        at: "429 (1041) with `Retry-After`",
      },
      {
        what: "growth of requests in ten seconds: of a key, an organisation",
        from: ["limits.key.growth", "limits.organisation.growth"],
        value: "none",
        at: "429 (2045) with `Retry-After`",
      },
      {
        what: "dollars a month: of a key, an organisation",
        from: ["budgets.key", "budgets.organisation"],
        value: "none",
        at: "402 (1008)",
      },
      {
        what: "what answers under way may cost, of a balance or budget",
        from: "src/policy/funds.ts",
        value: "what is left; one answer at a time may need more",
        at: "429 (1002) with `Retry-After: 1`",
      },
      {
        what: "bytes of the requests of one key that are under way",
        from: "memory.requestBytesPerKey",
        value: "half of all",
        at: "429 (1041) with `Retry-After: 1`; a WebSocket is closed with 1013",
      },
      {
        what: "bytes of all requests under way",
        from: "memory.requestBytes",
        value: "an eighth of Node's heap limit less 128 MiB",
        at: "529 (2064) with `Retry-After: 1`",
      },
      {
        what: "bytes that are remembered and not stored, of one key",
        from: "memory.rememberedBytesPerKey",
        value: "half of all",
        at: "the oldest of it is forgotten",
      },
      {
        what: "bytes that are remembered and not stored, in all",
        from: "memory.rememberedBytes",
        value: "a sixteenth of the same",
        at: "the oldest of the key that has most is forgotten",
      },
      {
        what: "turns that a WebSocket remembers",
        from: "src/service/responses/memory.ts#maxTurns",
        at: "the oldest is forgotten",
      },
      {
        what: "bytes that a WebSocket remembers",
        from: "src/service/responses/memory.ts#maxBytes",
        at: "the oldest is forgotten",
      },
      {
        what: "bytes of recent items of one key, kept for references",
        from: "src/service/responses/recent.ts#maxBytes",
        at: "the oldest is forgotten",
      },
      { what: "stored and remembered responses of one key", from: "responses.quotaCount", at: "429 (2056)" },
      { what: "bytes of them together", from: "responses.quotaBytes", at: "429 (2056)" },
      {
        what: "a stored or remembered response",
        from: "responses.retentionDays",
        at: "404, 400 for a reference: deleted",
      },
      { what: "a row of the ledger", from: "ledger.keepDays", at: "deleted; its sums stay in the reports" },
      { what: "texts of the admin API", from: "src/service/admin-input.ts#maxChars", at: "400 (2013)" },
      { what: "entries of a list of the admin API", from: "src/service/admin-input.ts#maxEntries", at: "400 (2013)" },
    ],
  },
  {
    title: "Files",
    words:
      "Errors have status 200 and their code in `base_resp` ([files.md](files.md)); most bytes by purpose stand there.",
    bounds: [
      { what: "one file", from: "files.fileBytes", at: "2013 `file`" },
      { what: "bytes of the files of one key", from: "files.quotaBytes", at: "2056" },
      { what: "files of one key", from: "files.quotaCount", at: "2056" },
      { what: "a file", from: "files.retentionDays", at: "2013: not found" },
      { what: "a download link", from: "src/service/file.ts#linkMs", value: "1 h", at: "2044" },
      { what: "a file's name", from: "src/service/file.ts#maxNameChars", at: "it is truncated" },
    ],
  },
  {
    title: "Media",
    bounds: [
      { what: "one image", from: "media.imageBytes", at: "400 (2013) `media exceeds size limit: max N bytes`" },
      { what: "pixels of one image", from: "media.imagePixels", at: "400 (2013)" },
      { what: "decoding one image", from: "src/media/open.ts#imageSeconds", at: "400 (2013)" },
      {
        what: "one video by URL or data URL",
        from: "media.videoBytes",
        at: "400 (2013) `media exceeds size limit: max N bytes`",
      },
      { what: "one video by `mm_file://`", from: "media.videoFileBytes", at: "400 (2013)" },
      {
        what: "all media of one request",
        from: "media.requestBytes",
        at: "400 (2013) `the media of one request exceed N bytes together`",
      },
      {
        what: "all media of one request: downloads, waiting, decoding",
        from: "media.requestSeconds",
        at: "400 (2013)",
      },
      { what: "sampling one video", from: "media.videoSeconds", at: "400 (2013)" },
      { what: "memory of the process that samples a video", from: "media.videoMemoryBytes", at: "400 (2013)" },
      { what: "one download", from: "media.download.timeoutSeconds", at: "400 (2013)" },
      { what: "all downloads of one request", from: "media.download.requestSeconds", at: "400 (2013)" },
      { what: "redirects of one download", from: "media.download.redirects", at: "400 (2013)" },
      { what: "prepared media kept in memory", from: "media.cacheBytes", at: "the oldest are prepared again" },
      {
        what: "a URL is taken to hold what it held",
        from: "media.download.rememberSeconds",
        at: "it is downloaded again",
      },
    ],
  },
  {
    title: "Engines",
    bounds: [
      {
        what: "slots of one key while there are other keys",
        from: "src/lib/fair-queue.ts",
        value: "all but one",
        at: "waits ([routing.md](routing.md))",
      },
      {
        what: "an upstream's error body; its stream after the finish reason",
        from: "src/engine/upstream/wire/timeouts.ts",
        value: "2 s",
        at: "what came is used",
      },
      {
        what: "tokens of one conversation, embedded",
        from: "engines.<name>(llama).contextSize",
        value: "the model's own",
        at: "400 (2013) `context window exceeds limit`",
      },
      { what: "answers at once, embedded", from: "engines.<name>(llama).sequences", at: "waits in a fair queue" },
      {
        what: "silence of the process of an embedded engine; while it loads its model",
        from: "src/engine/process/client.ts",
        value: "10 s; 60 s",
        at: "it is started again; its answers end with 502",
      },
      {
        what: "waiting for that process while it is started again",
        from: "src/engine/process/client.ts#restartMs",
        at: "the model's next engine is asked, else 529 (2064)",
      },
      {
        what: "answers at once, `llama-server`",
        from: "engines.<name>(llama-server).slots",
        at: "waits in a fair queue",
      },
      {
        what: "tokens of one conversation, `llama-server`",
        from: "engines.<name>(llama-server).contextSize",
        value: "the model's own",
        at: "400 (2013) `context window exceeds limit`",
      },
      { what: "answers at once, simulator", from: "engines.<name>(sim).slots", at: "waits in a fair queue" },
      { what: "answers that wait, simulator", from: "engines.<name>(sim).queueLimit", at: "529 (2064)" },
      {
        what: "tokens of one conversation, simulator",
        from: "engines.<name>(sim).contextWindow",
        at: "400 (2013) `context window exceeds limit`",
      },
      {
        what: "answers at once of one upstream URL",
        from: "engines.<name>(upstream).slots",
        at: "another URL is asked, else it waits",
      },
      { what: "connections to one upstream URL", from: "engines.<name>(upstream).connections", at: "waits" },
      {
        what: "tries of one request",
        from: "engines.<name>(upstream).replicas.attempts",
        value: "one per URL, 2 to 4",
        at: "the last error",
      },
      {
        what: "failures in a row of one URL",
        from: "engines.<name>(upstream).replicas.failures",
        at: "it is not asked for a while",
      },
      { what: "the while", from: "engines.<name>(upstream).replicas.cooldown", at: "one request tries it" },
      { what: "time between two probes of a URL", from: "engines.<name>(upstream).replicas.probeInterval", at: "" },
      {
        what: "connecting to an upstream",
        from: "engines.<name>(upstream).timeouts.connect",
        at: "the next URL, else 502 (1033)",
      },
      { what: "an upstream's first byte", from: "engines.<name>(upstream).timeouts.firstByte", at: tooLate },
      {
        what: "between two pieces of an upstream's answer",
        from: "engines.<name>(upstream).timeouts.idle",
        at: tooLate,
      },
      { what: "an upstream's whole answer", from: "engines.<name>(upstream).timeouts.total", at: tooLate },
      {
        what: "one event or line of an upstream",
        from: "src/engine/upstream/wire/sse.ts#maxEventChars",
        at: "502 (1033)",
      },
      {
        what: "a JSON answer of an upstream",
        from: "src/engine/upstream/wire/client.ts#maxJsonBytes",
        at: "502 (1033)",
      },
      {
        what: "an error body of an upstream that is read",
        from: "src/engine/upstream/wire/client.ts#maxErrorBytes",
        at: "the rest is not read",
      },
      {
        what: "tool calls of one upstream answer",
        from: "src/engine/upstream/read/calls.ts#maxCalls",
        at: "502 (1033)",
      },
      { what: "arguments of one call", from: "src/engine/upstream/read/calls.ts#maxArgumentChars", at: "502 (1033)" },
      { what: "one upstream answer", from: "src/engine/upstream/read/calls.ts#maxAnswerChars", at: "502 (1033)" },
      {
        what: "an upstream's `Retry-After`",
        from: "src/engine/upstream/wire/retry-after.ts#maxSeconds",
        at: "it counts as that much",
      },
    ],
  },
  {
    title: "Moderation",
    bounds: [
      {
        what: "text of an answer that is judged at once",
        from: "moderation.window",
        unit: "characters",
        at: "the answer is held back by that much",
      },
      {
        what: "text in one question",
        from: ["moderation.model.longest", "moderation.endpoint.longest"],
        unit: "characters",
        at: "asked about in pieces",
      },
      { what: "answer of the guard model", from: "moderation.model.maxTokens", at: "it is truncated" },
      {
        what: "one verdict",
        from: ["moderation.model.timeoutSeconds", "moderation.endpoint.timeoutSeconds"],
        at: "`fails` decides: refused or let through",
      },
    ],
  },
  {
    title: "Store, log and telemetry",
    bounds: [
      {
        what: "looking whether the store can be read (`/readyz`)",
        from: "src/service/readiness.ts#checkMs",
        at: "503",
      },
      {
        what: "outcomes of stored responses that wait for a store that is away",
        from: "src/service/responses/unended.ts#maxChars",
        at: "the response ends as `failed`",
      },
      {
        what: "a process that does not renew its lease, on another machine",
        from: "src/store/lease.ts#leaseMs",
        at: "its running responses end as `failed`",
      },
      {
        what: "ledger rows written together",
        from: "src/service/ledger.ts#maxRows",
        at: "further ones are written next",
      },
      { what: "time until they are written", from: "src/service/ledger.ts#flushMs", at: "" },
      { what: "one query of PostgreSQL", from: "src/store/postgres.ts#queryTimeoutMs", at: "an error of the store" },
      { what: "connecting to PostgreSQL", from: "src/store/postgres.ts#connectTimeoutMs", at: "an error of the store" },
      {
        what: "waiting for another process that writes to SQLite",
        from: "src/store/sqlite.ts#maxWaitMs",
        at: "an error of the store",
      },
      {
        what: "log lines that wait for a slow reader",
        from: "src/telemetry/log.ts#maxQueuedBytes",
        at: "further ones are lost",
      },
      {
        what: "label sets of one metric",
        from: "src/telemetry/metrics.ts#maxSeries",
        at: "further ones share `overflow`",
      },
      {
        what: "spans that wait for the collector",
        from: "src/telemetry/otlp.ts#maxQueuedSpans",
        at: "further ones are dropped and counted",
      },
      { what: "one export of spans", from: "src/telemetry/otlp.ts#timeoutMs", at: "tried again, four times" },
    ],
  },
];

/** Settings with a number that bound nothing a caller does. */
export const noBounds: readonly string[] = [
  "workers",
  "port",
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
