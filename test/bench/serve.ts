/** The whole server on the simulator, in a process of its own, against a bare node:http server in another. */
import { startChild, startServer, type Child } from "./child.ts";
import { load, type Target } from "./load.ts";
import { median, type Row } from "./row.ts";

const connections = 16;
const spanMs = 1_500;
const starts = 5;
const settleMs = 500;
const budget = { readyMs: 800, memory: 120 };

const text = `Repeat exactly: ${Array.from({ length: 60 }, (_, index) => `word${index}`).join(" ")}`;
const messages = [{ role: "user", content: text }];

const surfaces = [
  {
    name: "chat",
    path: "/v1/chat/completions",
    body: { model: "MiniMax-M3", thinking: { type: "disabled" }, messages },
  },
  { name: "responses", path: "/v1/responses", body: { model: "MiniMax-M3", input: messages } },
];

export async function measureServer(): Promise<Row[]> {
  const rows: Row[] = [];
  const echo = await startChild("echo.ts");
  const server = await startServer("sim");
  try {
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    rows.push(memoryRow(server.memory()));
    for (const surface of surfaces) rows.push(...(await ask(server, echo, surface)));
    const after = (server.memory() ?? Number.NaN) / 1e6;
    rows.push({ shape: "memory after the load", value: after, unit: "MB", note: "what V8 keeps of it" });
  } finally {
    await Promise.all([echo.stop(), server.stop()]);
  }
  return rows;
}

async function ask(server: Child, echo: Child, surface: (typeof surfaces)[number]): Promise<Row[]> {
  const { name, path, body } = surface;
  const plain: Target = { url: server.url, path, body: { ...body, stream: false } };
  const streamed: Target = { ...plain, body: { ...body, stream: true } };
  // before and after: other work on the machine comes and goes
  const bares = [await bare(echo, body)];
  const answers = await load(plain, connections, spanMs);
  const streams = await load(streamed, connections, spanMs);
  bares.push(await bare(echo, body));
  const single = await load(streamed, 1, spanMs / 3);
  const echoed = (Math.max(...bares) + Math.min(...bares)) / 2;
  const { firstByte } = streams;
  return [
    { shape: `bare echo of the ${name} request`, value: echoed, unit: "requests/s" },
    { shape: `${name} answers`, value: answers.perSecond, unit: "requests/s", ratio: answers.perSecond / echoed },
    {
      shape: `${name} streams`,
      value: streams.perSecond,
      unit: "streams/s",
      ratio: streams.perSecond / echoed,
      note: `${streams.bytes} bytes each`,
    },
    {
      shape: `${name} first byte`,
      value: single.firstByte.median,
      unit: "ms",
      note: `alone; ${firstByte.median.toFixed(1)} ms, p99 ${firstByte.p99.toFixed(1)} ms with ${connections} at once`,
    },
  ];
}

async function bare(echo: Child, body: unknown): Promise<number> {
  return (await load({ url: echo.url, path: "/", body }, connections, spanMs / 2)).perSecond;
}

function memoryRow(bytes: number | undefined): Row {
  const value = bytes === undefined ? Number.NaN : bytes / 1e6;
  return { shape: "memory of a fresh server", value, unit: "MB", budget: budget.memory, note: "resident, no model" };
}

/** From the start of the process to the line that says where it listens; at best, as other work only adds to it. */
export async function measureStart(): Promise<Row> {
  const found: number[] = [];
  for (let index = 0; index < starts; index += 1) {
    const server = await startServer("sim");
    found.push(server.readyMs);
    await server.stop();
  }
  const [first = Number.NaN, ...later] = found;
  return {
    shape: "cold start to ready",
    value: Math.min(...later),
    unit: "ms",
    budget: budget.readyMs,
    note: `without a model, at best; median ${median(later).toFixed(0)} ms, ${first.toFixed(0)} ms the first time`,
  };
}
