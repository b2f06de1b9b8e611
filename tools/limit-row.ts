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
        what: "connections that wait at the port until they are accepted; never more than the system lets (`net.core.somaxconn`)",
        from: "src/http/connection/connections.ts#maxUnaccepted",
        at: "the caller's system tries again after a second",
      },
      {
        what: "connections of one address that have shown no key",
        from: "server.connections.perAddress",
        at: "the oldest are closed, some 250 a second; all of them at once where there are too many in all",
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
        what: "the rest of an upload after a refusal",
        from: "src/http/files-route.ts#drainMs",
        at: "the connection is closed",
      },
      {
        what: "a WebSocket that is refused for what it sends; one whose closing its peer does not answer",
        from: ["src/http/responses/socket.ts#refusalMs", "src/http/responses/socket.ts#closingMs"],
        at: "the connection is closed",
      },
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
      {
        what: "reading the end of an answer that a stop has ended",
        from: "src/http/running.ts#lastWordsMs",
        at: "the connection is closed",
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
        what: "a number, or another bare JSON word",
        from: "src/lib/json-scanner/parse.ts#maxWordBytes",
        at: "400 (2013): no JSON",
      },
      {
        what: "a body of `/v1/files/delete`",
        from: "src/http/files-route.ts#deleteBodyLimit",
        unit: "bytes",
        at: "413 (2013)",
      },
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
        from: ["src/lib/arrivals.ts#acceptMs", "src/lib/arrivals.ts#acceptAtLeast"],
        value: "10 ms, and 128 at least",
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
        what: "`metadata` of a response: pairs; characters of a key; of a value",
        from: "src/surface/responses/parse.ts",
        value: "16; 64; 512",
        at: "400 (2013) that names it",
      },
      {
        what: "items of one page of `input_items`",
        from: "src/http/responses/stored-route.ts#maxPageItems",
        at: "400 (2013) `limit`",
      },
      { what: "models of one page, Messages", from: "src/http/messages-route.ts#maxLimit", at: "400 (2013) `limit`" },
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
        what: "ways through the patterns of texts that an answer may have side by side, embedded engine",
        from: "src/engine/llama/schema-width.ts#maxPaths",
        at: "400 (2013)",
      },
      {
        what: "values or alternatives to choose from, embedded engine",
        from: "src/engine/llama/grammar.ts#maxChoices",
        at: "400 (2013)",
      },
      {
        what: "optional properties of one object, embedded engine",
        from: "src/engine/llama/schema-grammar.ts#maxOptional",
        at: "400 (2013)",
      },
      {
        what: "calls of one answer whose calls are forced or strict, embedded engine",
        from: "src/engine/llama/constraint.ts#maxForcedCalls",
        at: "no more are written",
      },
      {
        what: "multiples that `multipleOf` leaves of a range, where they have no common form of digits",
        from: "src/lib/json-schema/form.ts#maxMultiples",
        at: "400 (2013)",
      },
      {
        what: "a `minimum`, or a negative `maximum`",
        from: "src/lib/json-schema/held.ts#maxBound",
        value: "10^15",
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
        what: "levels of a value that the simulator writes",
        from: "src/engine/sim/schema-value.ts#maxDepth",
        at: "400 (2013)",
      },
      {
        what: "steps of the simulator for one `pattern`",
        from: "src/engine/sim/pattern.ts#maxSteps",
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
      {
        what: "recent items; recent responses of one key",
        from: ["src/service/responses/recent.ts#maxItems", "src/service/responses/recent.ts#maxTurns"],
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
      {
        what: "parts of an upload; fields; bytes of a field; characters of a field's name; headers of a part",
        from: "src/http/files-route.ts",
        value: "20; 10; 1,024; 100; 50",
        at: "2013 `body` or the field",
      },
      { what: "keeping a file", from: "src/service/file.ts#storingMs", value: "1 h", at: "1001" },
      {
        what: "a bucket that sends or takes nothing; connecting to it",
        from: ["src/store/blob/s3.ts#silenceMs", "src/store/blob/s3.ts#connectMs"],
        at: "1013",
      },
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
      {
        what: "frames of one video; their pixels together",
        from: ["src/media/video-job.ts#maxFrames", "src/media/video-job.ts#maxVideoPixels"],
        at: "sampled less often; made smaller",
      },
      {
        what: "pixels of a video of which all frames are decoded; of which those are that others need",
        from: ["src/media/video-job.ts#maxPixelsOfAll", "src/media/video-job.ts#maxPixelsOfNeeded"],
        at: "only those that others need; only key frames",
      },
      {
        what: "frames of one video as bytes",
        from: "src/media/video.ts#outputBytes",
        at: "400 (2013) `has frames that are too large`",
      },
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
      {
        what: "URLs whose contents are remembered",
        from: "src/media/prepare.ts#maxUrls",
        at: "the oldest is downloaded again",
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
        what: "how long a key counts as one of the others after its last answer",
        from: "src/lib/fair-queue.ts#activeMs",
        at: "another key may take all slots",
      },
      {
        what: "an answer that nobody reads, while others wait for its slot",
        from: "src/lib/fair-queue.ts#maxIdleMs",
        at: "the slot is given to them",
      },
      {
        what: "waiting for a slot without priority",
        from: "src/lib/fair-queue.ts#agingMs",
        at: "from then on as with priority",
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
      { what: "calls of one answer, simulator", from: "src/engine/sim/reply.ts#maxCalls", at: "no more are written" },
      {
        what: "one result of a tool that the simulator quotes",
        from: "src/engine/sim/reply.ts#maxResultChars",
        at: "it is truncated",
      },
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
        what: "models of an upstream's list",
        from: "src/engine/upstream/served-models.ts#maxNames",
        at: "further ones are not known",
      },
      {
        what: "redirects of an upstream, to the same origin",
        from: "src/engine/upstream/wire/client.ts#maxHops",
        at: "502 (1033)",
      },
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
      {
        what: "an upstream's first byte",
        from: "engines.<name>(upstream).timeouts.firstByte",
        at: `${tooLate}; where no stream was asked for, only if its health path does not answer`,
      },
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
        what: "levels of one event of an upstream",
        from: "src/engine/upstream/read/chunk.ts#maxDepth",
        at: "502 (1033)",
      },
      {
        what: "events of an upstream that are no JSON objects",
        from: "src/engine/upstream/read/chunk.ts#maxForeign",
        at: "502 (1033)",
      },
      {
        what: "an upstream's answer that is no stream",
        from: "src/engine/upstream/read/body.ts#maxBodyBytes",
        at: "502 (1033)",
      },
      {
        what: "JSON values of such an answer",
        from: "src/engine/upstream/read/body.ts#maxValues",
        at: "502 (1033)",
      },
      {
        what: "an upstream's count of tokens, or list of models",
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
      {
        what: "rest of a replica that answered with `Retry-After`",
        from: "src/engine/upstream/replica/replicas.ts#maxRetryAfterMs",
        at: "it is asked again",
      },
      {
        what: "counting tokens that an engine did not report",
        from: "src/service/count-usage.ts#countTimeoutMs",
        at: "they are estimated",
      },
      {
        what: "tokens that an upstream may report",
        from: "src/service/meter.ts#maxTokens",
        at: "its figure counts as 0",
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
      {
        what: "an entry in a word list",
        from: "src/policy/moderate/word-file.ts#maxWordUnits",
        at: "the list is refused",
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
        what: "a connection to the process that makes a stored response",
        from: "src/service/peer/client.ts#connectMs",
        at: "what the store has of it is shown; a cancel is 503",
      },
      {
        what: "silence of that process: before an answer; in a stream",
        from: ["src/service/peer/client.ts#answerMs", "src/service/peer/client.ts#streamMs"],
        at: "the same; a stream is asked for once more, behind its last event",
      },
      {
        what: "money and answers that a process which has ended still holds",
        from: "src/store/money-table.ts#holdSeconds",
        at: "they are given back",
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
        what: "calls of webhooks that wait",
        from: "src/service/alert/webhooks.ts#maxWaiting",
        at: "further ones are dropped and logged",
      },
      { what: "one call of a webhook", from: "src/service/alert/webhooks.ts#callMs", at: "tried again" },
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
