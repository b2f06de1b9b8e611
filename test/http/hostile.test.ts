import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentLog } from "../../src/telemetry/log.ts";
import { startServer, testKey, type Running } from "../e2e/start.ts";

/** What nobody well-meaning sends. Each gets a clear refusal or a right answer, soon, and leaves no trace. */
let server: Running;
const errors: unknown[] = [];
beforeAll(async () => {
  const error = (...line: unknown[]): void => void errors.push(line);
  server = await startServer(
    { engine: "sim" },
    { log: { ...silentLog, error, warn: error, info: () => undefined, debug: () => undefined } },
  );
});
afterAll(() => server.stop());

const chat = "/v1/chat/completions";
const responses = "/v1/responses";

/** Sends a body as it is; the answer is JSON in the vendor's form, or a stream. */
async function post(
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string; message: string }> {
  const response = await server.call(path, { method: "POST", body, headers, signal: AbortSignal.timeout(10_000) });
  const text = await response.text();
  expect(response.headers.get("trace-id")).toMatch(/^[0-9a-f]{32}$/);
  if (response.ok) return { status: response.status, text, message: "" };
  const { error, request_id } = JSON.parse(text) as {
    error: { message: string; http_code: string };
    request_id: string;
  };
  expect([error.http_code, request_id]).toEqual([String(response.status), response.headers.get("trace-id")]);
  expect(error.message.length).toBeLessThan(500);
  return { status: response.status, text, message: error.message };
}

const user = { role: "user", content: "Say hi" };
const chatBody = (more: object): string => JSON.stringify({ model: "MiniMax-M3", messages: [user], ...more });
const chatText = (fields: string): string =>
  `{"model":"MiniMax-M3","messages":[{"role":"user","content":"Say hi"}],${fields}}`;
const responsesText = (fields: string): string => `{"model":"MiniMax-M3","input":"Say hi",${fields}}`;
const called = (ids: string[]): object => ({
  role: "assistant",
  tool_calls: ids.map((id) => ({ id, type: "function", function: { name: "f", arguments: "{}" } })),
});
/** Parts a0 to a24, each of which holds the next one twice, down to `end`. */
function doubling(end: object): string {
  const parts = Array.from({ length: 24 }, (_, at) => {
    const $ref = `#/$defs/a${at + 1}`;
    return [`a${at}`, { allOf: [{ $ref }, { $ref }] }] as const;
  });
  return JSON.stringify({ $ref: "#/$defs/a0", $defs: Object.fromEntries([...parts, ["a24", end]]) });
}

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
const call = { type: "function_call", call_id: "c", name: "f" };
const million = "n".repeat(1_000_000);

describe("numbers, types and names on chat", () => {
  it.each([
    ["1e999 tokens", `"max_tokens":1e999`, /max_tokens: is too large/],
    ["20 digits of tokens", `"max_tokens":99999999999999999999`, /max_tokens: must be an integer/],
    ["minus zero tokens", `"max_tokens":-0`, /max_tokens: must be at least 1/],
    ["half a token", `"max_tokens":1.5`, /max_tokens: must be an integer/],
    ["NaN", `"temperature":NaN`, /body: is not valid JSON/],
    ["Infinity", `"top_p":Infinity`, /body: is not valid JSON/],
    ["a number as text", `"temperature":"1"`, /temperature: must be a number, not a string/],
    ["a seed of 1e308", `"seed":1e308`, /seed: must be an integer/],
    ["17 stop texts", `"stop":[${Array.from({ length: 17 }, () => `"a"`).join()}]`, /stop: must hold at most 16/],
    ["a stop text that is null", `"stop":[null]`, /stop\[0\]/],
    ["stream 1", `"stream":1`, /stream: must be a boolean/],
    ["a list of stream options", `"stream_options":[]`, /stream_options: must be an object/],
    ["an object of tools", `"tools":{}`, /tools: must be an array/],
    ["a list as tool choice", `"tool_choice":[]`, /tool_choice/],
    ["a long thinking type", `"thinking":{"type":"${million}"}`, /invalid thinking\.type/],
    ["a model __proto__", `"model":"__proto__"`, /unknown model '__proto__'/],
    ["a model constructor", `"model":"constructor"`, /unknown model 'constructor'/],
    ["a very long model", `"model":"${million}"`, /unknown model/],
    ["a role __proto__", `"messages":[{"role":"__proto__","content":"x"}]`, /invalid role: __proto__/],
    ["a role of a million signs", `"messages":[{"role":"${million}","content":"x"}]`, /invalid role/],
    ["a message in __proto__", `"messages":[{"__proto__":{"role":"user","content":"x"}}]`, /messages\[0\]\.role/],
    ["a part toString", `"messages":[{"role":"user","content":[{"type":"toString"}]}]`, /content\[0\]\.type/],
    ["a null message", `"messages":[null]`, /messages\[0\]: must be an object/],
    ["null messages", `"messages":null`, /messages: is required|content is empty/],
    [
      "a schema too deep",
      `"tools":[{"type":"function","function":{"name":"f","parameters":{"a":${nested(120)}}}}]`,
      /must not be nested deeper/,
    ],
    ["257 levels", `"x":${nested(257)}`, /body: is nested deeper/],
    [
      "300,000 values in a field of no meaning",
      `"x":[${"{},".repeat(299_999)}{}]`,
      /body: holds more than 200000 values/,
    ],
  ])("%s: 400", async (_name, fields, message) => {
    expect(await post(chat, chatText(fields))).toMatchObject({ status: 400, message: expect.stringMatching(message) });
  });

  it.each([
    [
      "null everywhere",
      [
        "tools",
        "stop",
        "temperature",
        "n",
        "stream",
        "tool_choice",
        "thinking",
        "response_format",
        "stream_options",
        "max_tokens",
        "seed",
      ]
        .map((name) => `"${name}":null`)
        .join(),
    ],
    ["keys of the prototype", `"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":1`],
    ["a temperature of 1e-400", `"temperature":1e-400`],
    ["empty stop texts", `"stop":["",""]`],
    ["a stop text of a million signs", `"stop":"${million}"`],
    ["the same key twice", `"temperature":99,"temperature":1`],
    ["250 levels of nothing", `"x":${nested(250)}`],
    [
      "a schema that is itself",
      `"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"$ref":"#"}}}`,
    ],
    [
      "a schema whose references double at every step",
      `"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":${doubling({ type: "string" })}}}`,
    ],
    [
      "a pattern without end",
      `"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"string","pattern":"(a+)+$","minLength":100000000}}}`,
    ],
    [
      "a tool of prototype names",
      `"tool_choice":"required","tools":[{"type":"function","function":{"name":"__proto__","parameters":{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"}},"required":["constructor","toString"]}}}]`,
    ],
  ])("%s: 200", async (_name, fields) => {
    expect(await post(chat, chatText(fields))).toMatchObject({ status: 200 });
  });

  it("a schema whose alternatives multiply is refused at once", async () => {
    const schema = doubling({ anyOf: [1, 2, 3, 4].map((value) => ({ properties: { [value]: {} } })) });
    const format = `"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":${schema}}}`;
    expect(await post(chat, chatText(format))).toMatchObject({
      status: 400,
      message: expect.stringContaining("schema: is too complex"),
    });
  });

  it.each([
    [chat, `"response_format":{"type":"json_schema","json_schema":{"schema":`, "response_format.json_schema.schema"],
    [responses, `"text":{"format":{"type":"json_schema","name":"a","schema":`, "text.format.schema"],
  ])("a schema of a wrong form is refused on %s with the path of the keyword", async (path, field, schemaPath) => {
    const text = path === chat ? chatText : responsesText;
    const wrong = { properties: { a: { $ref: [] } } };
    expect(await post(path, text(`${field}${JSON.stringify(wrong)}}}`))).toMatchObject({
      status: 400,
      message: expect.stringContaining(`${schemaPath}.properties.a.$ref: must be a string`),
    });
    const unheld = { type: "object", properties: { a: { type: "array", uniqueItems: true } } };
    expect(await post(path, text(`${field}${JSON.stringify(unheld)},"strict":true}}`))).toMatchObject({
      status: 400,
      message: expect.stringContaining(`${schemaPath}: 'uniqueItems' at #/properties/a is not held`),
    });
    const large = { type: "array", minItems: 1_000_000_000 };
    expect(await post(path, text(`${field}${JSON.stringify(large)}}}`))).toMatchObject({
      status: 400,
      message: expect.stringContaining(`${schemaPath}: asks for`),
    });
  });

  it("a schema that asks for a billion items is refused at once", async () => {
    const schema = `{"type":"array","minItems":1000000000,"items":{"type":"string"}}`;
    const format = `"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":${schema}}}`;
    expect(await post(chat, chatText(format))).toMatchObject({
      status: 400,
      message: expect.stringContaining("schema"),
    });
  });
});

describe("numbers, types and names on responses", () => {
  it.each([
    ["1e999 tokens", `"max_output_tokens":1e999`, /max_output_tokens/],
    ["metadata of numbers", `"metadata":{"a":1}`, /metadata\.a: must be a string/],
    [
      "17 pairs of metadata",
      `"metadata":{${Array.from({ length: 17 }, (_, index) => `"k${index}":"v"`).join()}}`,
      /metadata: must have at most 16/,
    ],
    ["a path as previous response", `"previous_response_id":"../../etc/passwd"`, /not found/],
    ["a long previous response", `"previous_response_id":"${million}"`, /not found/],
    ["a number as previous response", `"previous_response_id":5`, /previous_response_id: must be a string/],
    ["an effort that is an object", `"reasoning":{"effort":{}}`, /reasoning\.effort/],
    ["a null tool", `"tools":[null]`, /tools\[0\]/],
    ["an item constructor", `"input":[{"type":"constructor"}]`, /input\[0\]\.type/],
    ["a part toString", `"input":[{"role":"user","content":[{"type":"toString"}]}]`, /input\[0\]\.content\[0\]\.type/],
    ["null items", `"input":[null]`, /input\[0\]: must be an object/],
    ["nothing to say", `"input":[]`, /content is empty/],
  ])("%s: 400", async (_name, fields, message) => {
    expect(await post(responses, responsesText(fields))).toMatchObject({
      status: 400,
      message: expect.stringMatching(message),
    });
  });

  it.each([
    [
      "null everywhere",
      [
        "instructions",
        "tools",
        "text",
        "reasoning",
        "metadata",
        "include",
        "store",
        "stream",
        "tool_choice",
        "truncation",
        "background",
      ]
        .map((name) => `"${name}":null`)
        .join(),
    ],
    ["metadata of the prototype", `"metadata":{"__proto__":"x","constructor":"y"}`],
    ["a tool __proto__", `"tools":[{"type":"__proto__"}]`],
    ["NUL signs, stored", `"store":true,"input":"Say exactly 'a\\u0000b'","metadata":{"k\\u0000":"v\\u0000"}`],
    ["half a surrogate pair, stored", `"store":true,"input":"Say exactly '\\ud83d x \\udc00'"`],
  ])("%s: 200", async (_name, fields) => {
    const { status, text } = await post(responses, responsesText(fields));
    expect(status).toBe(200);
    const answer = JSON.parse(text) as { id: string; store: boolean };
    if (answer.store) expect(await (await server.call(`${responses}/${answer.id}`)).json()).toEqual(answer);
  });
});

describe("masses", () => {
  const tools = Array.from({ length: 10_000 }, (_, index) => ({
    type: "function",
    function: {
      name: `tool_${index}`,
      parameters: { type: "object", properties: { location: { type: "string" } }, required: ["location"] },
    },
  }));
  const ids = Array.from({ length: 10_000 }, (_, index) => `call_${index}`);
  it.each<[string, () => string]>([
    ["10,000 tools", () => chatBody({ tools, messages: [{ role: "user", content: "Weather in Beijing?" }] })],
    ["10,000 tools, one required", () => chatBody({ tools, tool_choice: "required" })],
    ["50,000 messages", () => chatBody({ messages: Array.from({ length: 50_000 }, () => user) })],
    [
      "10,000 calls, answered backwards",
      () =>
        chatBody({
          messages: [
            user,
            called(ids),
            ...ids.toReversed().map((id) => ({ role: "tool", tool_call_id: id, content: "x" })),
          ],
        }),
    ],
    [
      "a text of a megabyte",
      () =>
        chatBody({
          messages: [{ role: "user", content: `Repeat exactly: ${"线😀".repeat(100_000)}` }],
          max_tokens: 20,
        }),
    ],
    ["a name of a megabyte", () => chatBody({ messages: [{ role: "user", name: million, content: "x" }] })],
  ])("%s: 200", async (_name, body) => {
    expect(await post(chat, body())).toMatchObject({ status: 200 });
  });
});

describe("more text than any window holds", () => {
  const ten = "A".repeat(10_000_000);
  const context = expect.stringMatching(
    /^invalid params, context window exceeds limit: the prompt has \d+ characters, the window has \d+ tokens \(2013\)$/,
  );
  it.each<[string, string, () => string]>([
    ["a message", chat, () => chatBody({ messages: [{ role: "user", content: ten }] })],
    [
      "a description",
      chat,
      () => chatBody({ tools: [{ type: "function", function: { name: "f", description: ten } }] }),
    ],
    [
      "arguments",
      responses,
      () => JSON.stringify({ model: "MiniMax-M3", input: [{ ...call, arguments: `"${ten}"` }] }),
    ],
    ["instructions", responses, () => responsesText(`"instructions":"${ten}"`)],
    ["what is counted", `${responses}/input_tokens`, () => JSON.stringify({ model: "MiniMax-M3", input: ten })],
    ["what is only remembered", responses, () => responsesText(`"generate":false,"instructions":"${ten}"`)],
  ])("%s: 400 in the vendor's words", async (_name, path, body) => {
    expect(await post(path, body())).toMatchObject({ status: 400, message: context });
  });

  it("the window is that of the model", async () => {
    const messages = [{ role: "user", content: "A".repeat(600_000) }];
    const body = (model: string): string => JSON.stringify({ model, messages, max_tokens: 5 });
    expect(await post(chat, body("MiniMax-M2.7"))).toMatchObject({ status: 200 });
    expect(await post(chat, body("M2-her"))).toMatchObject({ status: 200 });
  });

  it("blocks of reasoning in one message: 400 beyond a thousand", async () => {
    const said = (blocks: number): string =>
      chatBody({ messages: [user, { role: "assistant", content: "<think>a</think>".repeat(blocks) }, user] });
    expect(await post(chat, said(1_000))).toMatchObject({ status: 200 });
    const refused = await post(chat, said(1_001));
    expect([refused.status, refused.message]).toEqual([
      400,
      "invalid params, messages[1].content: holds more than 1000 blocks of reasoning (2013)",
    ]);
  });
});

describe("bodies and headers", () => {
  const body = chatBody({ max_tokens: 5 });
  it.each<[string, string | Uint8Array<ArrayBuffer>, Record<string, string>, number]>([
    ["a byte order mark", `\u{feff}${body}`, {}, 200],
    ["something after the body", `${body}x`, {}, 400],
    ["UTF-16", new Uint8Array(Buffer.from(body, "utf16le")), {}, 400],
    ["gzip", new Uint8Array(gzipSync(body)), { "content-encoding": "gzip" }, 200],
    ["what is no gzip", body, { "content-encoding": "gzip" }, 400],
    ["a coding of 10,000 signs", body, { "content-encoding": "x".repeat(10_000) }, 415],
    ["1,500 codings", body, { "content-encoding": "gzip,".repeat(1_500) }, 400],
    ["a type without a slash", body, { "content-type": "json" }, 200],
    ["a type of signs", body, { "content-type": "application/json, text/plain;=;;" }, 200],
    ["a charset that is none", body, { "content-type": "application/json; charset=klingon" }, 200],
    ["a multipart type", body, { "content-type": "multipart/form-data; boundary=x" }, 200],
    ["impossible packets", body, { "x-parley-packet": "min=99999999999,max=-1,wait=NaN" }, 400],
    ["another scheme", body, { authorization: "Basic eDp5" }, 401],
    ["a key of 10,000 signs", body, { authorization: `Bearer ${"x".repeat(10_000)}` }, 401],
  ])("%s", async (_name, sent, headers, status) => {
    expect(await post(chat, sent, headers)).toMatchObject({ status });
  });

  it.each([
    ["/v1/responses/%2e%2e%2f", 404],
    ["/v1/responses/%00", 404],
    ["/v1/responses/%E4%BD%A0", 404],
    ["/v1/responses/__proto__", 404],
    ["/v1/models/__proto__", 404],
    ["/v1/models/%2F", 404],
    ["/v1/responses/%ff%fe", 400],
    ["/v1/responses/%", 400],
    ["/%", 400],
    [`/v1/responses/${"a".repeat(600)}`, 404],
    ["/v1/responses/x?stream=maybe", 400],
    ["//elsewhere.example/v1/models", 404],
    ["/V1/MODELS", 404],
  ])("GET %s", async (path, status) => {
    const response = await server.call(path);
    const { type, request_id } = (await response.json()) as { type: string; request_id: string };
    expect([response.status, type]).toEqual([status, "error"]);
    expect(request_id).toBe(response.headers.get("trace-id"));
  });
});

/** Writes bytes and gives all that comes back before the connection ends. */
function raw(bytes: string | Buffer, { end = false } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.setTimeout(8_000, () => socket.destroy(new Error(`still open after: ${text.slice(0, 300)}`)));
    socket.on("data", (data: Buffer) => (text += data.toString()));
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
    socket.write(bytes);
    if (end) socket.end();
  });
}

describe("the wire", () => {
  const body = chatBody({ max_tokens: 5, thinking: { type: "disabled" } });
  const head = `host: x\r\nauthorization: Bearer ${testKey}\r\n`;
  const close = "connection: close\r\n";
  const request = (line: string, more = "", content = body): string =>
    `${line}\r\n${head}${more}content-length: ${Buffer.byteLength(content)}\r\n\r\n${content}`;
  const to = `POST ${chat}`;
  const chunked = `${to} HTTP/1.1\r\n${head}transfer-encoding: chunked\r\n`;

  it.each<[string, string | Buffer, number, string]>([
    ["HTTP/1.0", request(`${to} HTTP/1.0`), 200, "chat.completion"],
    [
      "HTTP/1.0, a stream",
      request(`${to} HTTP/1.0`, "", chatBody({ stream: true, max_tokens: 5 })),
      200,
      "data: [DONE]",
    ],
    ["no content type", request(`${to} HTTP/1.1`, close), 200, "chat.completion"],
    ["an absolute URL", request(`POST http://x${chat} HTTP/1.1`, close), 200, "chat.completion"],
    ["expect: 100-continue", request(`${to} HTTP/1.1`, `expect: 100-continue\r\n${close}`), 100, "chat.completion"],
    [
      "an offer of HTTP/2",
      request(
        `${to} HTTP/1.1`,
        "connection: Upgrade, HTTP2-Settings, close\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n",
      ),
      200,
      "chat.completion",
    ],
    [
      "three requests at once",
      request(`${to} HTTP/1.1`) + request(`${to} HTTP/1.1`) + request(`${to} HTTP/1.1`, close),
      200,
      "chat.completion",
    ],
    [
      "a body in chunks",
      `${chunked}${close}\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
      200,
      "chat.completion",
    ],
    [
      "chunks with trailers",
      `${chunked}${close}trailer: x-sum\r\n\r\n${body.length.toString(16)};a=b\r\n${body}\r\n0\r\nx-sum: 1\r\n\r\n`,
      200,
      "chat.completion",
    ],
    [
      "a length twice",
      request(`${to} HTTP/1.1`, `content-length: ${Buffer.byteLength(body)}\r\n`),
      400,
      "malformed HTTP",
    ],
    ["expect: 200-ok", request(`${to} HTTP/1.1`, `expect: 200-ok\r\n${close}`), 417, ""],
    ["an empty content type", request(`${to} HTTP/1.1`, `content-type:\r\n${close}`), 200, "chat.completion"],
    [
      "two content types",
      request(`${to} HTTP/1.1`, `content-type: a\r\ncontent-type: b\r\n${close}`),
      200,
      "chat.completion",
    ],
    ["a GET with a body", request("GET /v1/models HTTP/1.1", close), 200, '"list"'],
    ["HEAD", `HEAD /v1/models HTTP/1.1\r\n${head}${close}\r\n`, 200, "content-length: "],
    ["HEAD of what is posted", `HEAD ${chat} HTTP/1.1\r\n${head}${close}\r\n`, 405, "allow: POST"],
    ["HEAD of nothing", `HEAD /v1/nothing HTTP/1.1\r\n${head}${close}\r\n`, 404, "trace-id"],
    ["OPTIONS of nothing", `OPTIONS /v1/nothing HTTP/1.1\r\n${head}${close}\r\n`, 404, "unknown path"],
    ["a chunk of no size", `${chunked}\r\nZZ\r\n{`, 400, "malformed HTTP request (2013)"],
    ["a length and chunks", `${chunked}content-length: 5\r\n\r\n0\r\n\r\n`, 400, "malformed HTTP request (2013)"],
    [
      "two lengths",
      `${to} HTTP/1.1\r\n${head}content-length: 5\r\ncontent-length: 6\r\n\r\n12345`,
      400,
      "malformed HTTP request (2013)",
    ],
    ["a negative length", `${to} HTTP/1.1\r\n${head}content-length: -5\r\n\r\n`, 400, "malformed HTTP request (2013)"],
    ["another version", request(`${to} HTTP/3.0`), 400, "malformed HTTP request (2013)"],
    ["an unknown method", `BREW /coffee HTTP/1.1\r\n${head}\r\n`, 400, "malformed HTTP request (2013)"],
    [
      "a header of 100,000 signs",
      request(`${to} HTTP/1.1`, `x-big: ${"a".repeat(100_000)}\r\n`),
      400,
      "malformed HTTP request (2013)",
    ],
    ["NUL in a header", request(`${to} HTTP/1.1`, "x-a: b\0c\r\n"), 400, "malformed HTTP request (2013)"],
    ["a greeting in TLS", Buffer.from("16030100c8010000c40303", "hex"), 400, "malformed HTTP request (2013)"],
    ["OPTIONS *", `OPTIONS * HTTP/1.1\r\n${head}${close}\r\n`, 404, "unknown path *"],
    ["TRACE", `TRACE /v1/models HTTP/1.1\r\n${head}${close}\r\n`, 405, "method TRACE is not allowed"],
    [
      "a WebSocket elsewhere",
      `GET ${chat} HTTP/1.1\r\n${head}connection: Upgrade\r\nupgrade: websocket\r\n\r\n`,
      404,
      "no WebSocket at",
    ],
  ])("%s", async (_name, bytes, status, part) => {
    const text = await raw(bytes);
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(text).toContain(part);
  });

  it("ends HEAD of a stored stream without a word of it", async () => {
    const kept = await post(responses, responsesText(`"store":true`));
    const { id } = JSON.parse(kept.text) as { id: string };
    for (const query of ["", "?stream=true"]) {
      const answer = await server.call(`${responses}/${id}${query}`, {
        method: "HEAD",
        signal: AbortSignal.timeout(5_000),
      });
      expect([answer.status, await answer.text()]).toEqual([200, ""]);
    }
  });

  it("answers three requests at once three times, in order", async () => {
    const one = (word: string, more = ""): string =>
      request(
        `${to} HTTP/1.1`,
        more,
        chatBody({ messages: [{ role: "user", content: `Say exactly '${word}'` }], thinking: { type: "disabled" } }),
      );
    const text = await raw(one("alpha") + one("beta") + one("gamma", close));
    expect(text.match(/"content":"\w+"/g)).toEqual(['"content":"alpha"', '"content":"beta"', '"content":"gamma"']);
  });

  it.each([
    ["a body that ends half-way", `${to} HTTP/1.1\r\n${head}content-length: 5000\r\n\r\n${body}`],
    ["chunks that end half-way", `${chunked}\r\n5\r\n{"mod\r\n`],
  ])("%s is no error of ours", async (_name, bytes) => {
    expect(await raw(bytes, { end: true })).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("answers after all of it as before, and nothing of it was an error of ours", async () => {
    expect(await post(chat, body)).toMatchObject({ status: 200 });
    expect(errors).toEqual([]);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});
