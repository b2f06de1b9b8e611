/** Large bodies: what they are made of decides what a naive reader makes of them. */
import { gzipSync } from "node:zlib";
import { chat, embedded, expectStatus, mebibyte, simulator, type Attack, type Settings } from "../attack.ts";
import { inParallel, lastEvent, type Client } from "../client.ts";
import { model } from "../server.ts";

/** What may be answered to a body that is large, allowed or not: done, too much, or too much at once. */
const fair = [200, 400, 413, 429, 529];

interface Shape {
  name: string;
  path?: string;
  settings: Settings;
  fast?: boolean;
  /** Made when the row runs: so much memory is not held between the rows. */
  body: () => string | Buffer;
  times?: number;
}

const count = "/v1/responses/input_tokens";
const responses = "/v1/responses";

/** A chat body with one more piece of JSON text. */
function chatWith(field: string): string {
  return `${JSON.stringify(chat(model)).slice(0, -1)},${field}}`;
}

function asking(content: string): string {
  return JSON.stringify(chat(model, { messages: [{ role: "user", content }] }));
}

function calls(times: number): string {
  const numbers = Array.from({ length: times }, (_, index) => index);
  return JSON.stringify({
    model,
    max_output_tokens: 5,
    input: [
      { role: "user", content: "x" },
      ...numbers.map((index) => ({ type: "function_call", call_id: `c${index}`, name: "f", arguments: "{}" })),
      ...numbers.map((index) => ({ type: "function_call_output", call_id: `c${index}`, output: "" })),
    ],
  });
}

function messages(times: number): string {
  const pair = '{"role":"user","content":"x"},{"role":"assistant","content":"x"},';
  return `{"model":"${model}","max_tokens":5,"messages":[${pair.repeat(times / 2)}{"role":"user","content":"x"}]}`;
}

function messagesOf(times: number, content: string): string {
  return JSON.stringify(chat(model, { messages: Array.from({ length: times }, () => ({ role: "user", content })) }));
}

function showing(base64: string): string {
  const url = `data:video/mp4;base64,${base64}`;
  return JSON.stringify(
    chat(model, { messages: [{ role: "user", content: [{ type: "video_url", video_url: { url } }] }] }),
  );
}

const said = (text: string): string =>
  JSON.stringify(
    chat(model, {
      messages: [
        { role: "user", content: "x" },
        { role: "assistant", content: text },
        { role: "user", content: "x" },
      ],
    }),
  );

const shapes: readonly Shape[] = [
  {
    name: "60 MB counted",
    settings: embedded,
    path: count,
    body: () => JSON.stringify({ model, input: "A".repeat(60 * mebibyte) }),
  },
  {
    name: "2 MB counted",
    settings: embedded,
    fast: true,
    path: count,
    body: () => JSON.stringify({ model, input: "A ".repeat(mebibyte) }),
  },
  {
    name: "2 MB of ]",
    settings: embedded,
    path: count,
    body: () => JSON.stringify({ model, input: "]".repeat(2 * mebibyte) }),
  },
  { name: "60 MB of turn marks", settings: embedded, body: () => asking("]~b]".repeat(15 * mebibyte)) },
  { name: "100,000 calls of one turn", settings: embedded, path: responses, body: () => calls(100_000) },
  { name: "100,000 calls of one turn, counted", settings: embedded, path: count, body: () => calls(100_000) },
  { name: "300,000 messages", settings: embedded, body: () => messages(300_000) },
  { name: "100,000 calls of one turn", settings: simulator, path: responses, body: () => calls(100_000) },
  { name: "1,500,000 messages", settings: simulator, body: () => messages(1_500_000) },
  {
    name: "60 MB of {} in an ignored field",
    settings: simulator,
    body: () => chatWith(`"x":[${"{},".repeat(20 * mebibyte)}{}]`),
  },
  {
    name: "60 MB of {} in an ignored field, responses",
    settings: simulator,
    path: responses,
    body: () => `{"model":"${model}","input":"x","x":[${"{},".repeat(20 * mebibyte)}{}]}`,
  },
  {
    name: "40 MB of small keys",
    settings: simulator,
    body: () => chatWith(`"x":{${Array.from({ length: 3_000_000 }, (_, index) => `"k${index}":1`).join(",")}}`),
  },
  { name: "60 MB of numbers", settings: simulator, body: () => chatWith(`"x":[${"1,".repeat(30 * mebibyte)}1]`) },
  { name: "a number of 30 MB", settings: simulator, body: () => chatWith(`"x":${"1".repeat(30 * mebibyte)}`) },
  {
    name: "60 MB of escapes",
    settings: simulator,
    body: () => `{"model":"${model}","messages":[{"role":"user","content":"${"\\u0041".repeat(10 * mebibyte)}"}]}`,
  },
  { name: "60 MB of plain text", settings: simulator, body: () => asking("A".repeat(60 * mebibyte)) },
  { name: "24 x 60 MB of plain text", settings: simulator, body: () => asking("A".repeat(60 * mebibyte)), times: 24 },
  { name: "10 MB of plain text", settings: simulator, fast: true, body: () => asking("A".repeat(10 * mebibyte)) },
  {
    name: "6 x 10 MB of plain text in one body",
    settings: simulator,
    body: () => messagesOf(6, "A".repeat(10 * mebibyte)),
  },
  {
    name: "3 x 18 MB of Chinese in one body",
    settings: simulator,
    body: () => messagesOf(3, "\u4e2d".repeat(6 * mebibyte)),
  },
  { name: "60 MB of a video that is none", settings: simulator, body: () => showing("A".repeat(60 * mebibyte)) },
  {
    name: "60 MB of brackets",
    settings: simulator,
    body: () => chatWith(`"x":${"[".repeat(30 * mebibyte)}${"]".repeat(30 * mebibyte)}`),
  },
  { name: "45 MB of thinking blocks", settings: simulator, body: () => said("<think>a</think>".repeat(45 * 65_536)) },
  { name: "10 MB of open thinking tags", settings: simulator, body: () => said("<think>".repeat(10 * 149_796)) },
  { name: "45 MB of open thinking tags", settings: simulator, body: () => said("<think>".repeat(45 * 149_796)) },
  { name: "no JSON, 60 MB", settings: simulator, body: () => Buffer.alloc(60 * mebibyte, 0xff) },
  {
    name: "4 MB of {} in an ignored field",
    settings: simulator,
    fast: true,
    body: () => chatWith(`"x":[${"{},".repeat(1.3 * mebibyte)}{}]`),
  },
  {
    name: "4 MB of thinking blocks",
    settings: simulator,
    fast: true,
    body: () => said("<think>a</think>".repeat(4 * 65_536)),
  },
  {
    name: "2 MB of {} from 8 callers at once",
    settings: simulator,
    fast: true,
    times: 8,
    body: () => chatWith(`"x":[${"{},".repeat(650_000)}{}]`),
  },
];

async function send(client: Client, { path = "/v1/chat/completions", body, times = 1 }: Shape): Promise<string> {
  const bytes = Buffer.from(body());
  return expectStatus(await inParallel(times, times, () => client.send(path, bytes)), ...fair);
}

/** The same shapes as one message of a WebSocket. */
const socketShapes: readonly { name: string; fast?: boolean; text: () => string }[] = [
  {
    name: "60 MB of brackets",
    text: () =>
      `{"type":"response.create","model":"${model}","input":${"[".repeat(30 * mebibyte)}${"]".repeat(30 * mebibyte)}}`,
  },
  {
    name: "60 MB of {} in an ignored field",
    text: () => `{"type":"response.create","model":"${model}","input":"x","x":[${"{},".repeat(20 * mebibyte)}{}]}`,
  },
  {
    name: "4 MB of brackets",
    fast: true,
    text: () =>
      `{"type":"response.create","model":"${model}","input":${"[".repeat(2 * mebibyte)}${"]".repeat(2 * mebibyte)}}`,
  },
];

async function sendMessage(client: Client, text: string): Promise<string> {
  const connection = await client.webSocket();
  const answer = lastEvent(connection);
  connection.send(text);
  const { type, text: said } = await answer;
  // 1009: larger than a message may be
  if (!/^(error|response\..*|closed)$/.test(type) || (type === "closed" && said !== "1009"))
    throw new Error(`${type} ${said}`);
  return type === "error" ? said.slice(0, 120) : `${type} ${type === "closed" ? said : ""}`;
}

/** A body that unpacks to a thousand times its size. */
async function bomb(client: Client): Promise<string> {
  const once = gzipSync(Buffer.alloc(200 * mebibyte, 0x20));
  const answers = [
    await client.send("/v1/chat/completions", once, { headers: { "content-encoding": "gzip" } }),
    await client.send("/v1/chat/completions", gzipSync(once), { headers: { "content-encoding": "gzip, gzip" } }),
  ];
  return expectStatus(answers, 400, 413, 415);
}

export const bodyAttacks: readonly Attack[] = [
  ...shapes.map((shape): Attack => {
    const engine = shape.settings === embedded ? "embedded" : "sim";
    const fast = shape.fast ?? false;
    return {
      name: `body on ${engine}: ${shape.name}`,
      by: "key",
      settings: shape.settings,
      fast,
      run: (client) => send(client, shape),
    };
  }),
  ...socketShapes.map(({ name, fast = false, text }): Attack => ({
    name: `message: ${name}`,
    by: "key",
    settings: simulator,
    fast,
    run: (client) => sendMessage(client, text()),
  })),
  { name: "body: gzip of 200 MB of blanks, once and twice", by: "key", settings: simulator, fast: true, run: bomb },
];
