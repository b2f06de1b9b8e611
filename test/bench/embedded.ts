/** The built-in model in the embedded engine, through the whole server. */
import { fileURLToPath } from "node:url";
import { Pool } from "undici";
import { benchKey, startChild, startServer, type Child } from "./child.ts";
import { median, type Row } from "./row.ts";

const tinyModel = fileURLToPath(new URL("../../model/tiny-chat.gguf", import.meta.url));
const rounds = 3;
const outputTokens = 200;
/** What the tiny model answers at some length. */
const stories = ["fox", "cat", "dog"].map((animal) => `Tell me a long story about a ${animal}`);

interface Streamed {
  firstMs: number;
  wholeMs: number;
  output: number;
  cached: number;
  input: number;
}

interface Chunk {
  choices?: { delta?: { content?: string; reasoning_content?: string } }[];
  usage?: {
    prompt_tokens: number;
    completion_tokens: number;
    prompt_tokens_details?: { cached_tokens?: number };
  } | null;
}

/** Some 1,300 tokens that begin with a text of their own, so that nothing of them is in the cache yet. */
function longText(nonce: number): string {
  const facts = Array.from({ length: 60 }, (_, index) => `Item ${index * 7 + nonce} stands on shelf ${index}.`);
  return `List ${nonce}. ${facts.join(" ")} Repeat: hello`;
}

export async function measureEmbedded(): Promise<Row[]> {
  const server = await startServer("embedded");
  const pool = new Pool(server.url);
  try {
    const loading = performance.now();
    await stream(pool, "Hello", 4);
    const loadMs = performance.now() - loading;
    const speeds: number[] = [];
    const counts: number[] = [];
    const cold: Streamed[] = [];
    const warm: Streamed[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const said = await stream(pool, stories[round - 1] ?? "", outputTokens);
      speeds.push((said.output / said.wholeMs) * 1000);
      counts.push(said.output);
      cold.push(await stream(pool, longText(round * 1000), 4));
      warm.push(await stream(pool, longText(round * 1000), 4));
    }
    return rowsOf({ speeds, counts, cold, warm, loadMs, server });
  } finally {
    await pool.close();
    await server.stop();
  }
}

const hopRounds = 12;

/** Tokens a second of the built-in model in the server's process, and in one of its own; in turns, the best of each. */
export async function measureHop(): Promise<Row[]> {
  const servers = [await startChild("in-process.ts"), await startServer(tinyModel)];
  const pools = servers.map(({ url }) => new Pool(url));
  const best = [0, 0];
  try {
    for (let round = 0; round < hopRounds; round += 1) {
      for (const [index, pool] of pools.entries()) {
        const { output, wholeMs } = await stream(pool, stories[round % stories.length] ?? "", outputTokens);
        best[index] = Math.max(best[index] ?? 0, (output / wholeMs) * 1000);
      }
    }
  } finally {
    await Promise.all(pools.map((pool) => pool.close()));
    await Promise.all(servers.map((server) => server.stop()));
  }
  const [inside = Number.NaN, apart = Number.NaN] = best;
  const microseconds = 1e6 / apart - 1e6 / inside;
  return [
    {
      shape: "embedded, hop",
      value: apart,
      unit: "tokens/s",
      note: `in a process of its own; ${Math.round(inside)} in the server's: ${Math.round(microseconds)} us a token`,
    },
  ];
}

interface Found {
  speeds: number[];
  counts: number[];
  cold: Streamed[];
  warm: Streamed[];
  loadMs: number;
  server: Child;
}

function rowsOf({ speeds, counts, cold, warm, loadMs, server }: Found): Row[] {
  const first = (streams: readonly Streamed[]): number => median(streams.map(({ firstMs }) => firstMs));
  const [one, two] = [cold[0], warm[0]];
  const memory = server.memory();
  return [
    {
      shape: "embedded answer",
      value: median(speeds),
      unit: "tokens/s",
      note: `tiny-chat, one at a time, ${counts.join(", ")} tokens, the whole request counted`,
    },
    {
      shape: "embedded first token, cold prompt",
      value: first(cold),
      unit: "ms",
      note: `${one?.input} tokens, ${one?.cached} cached`,
    },
    {
      shape: "embedded first token, cached prompt",
      value: first(warm),
      unit: "ms",
      note: `${two?.input} tokens, ${two?.cached} cached`,
    },
    {
      shape: "embedded first answer after ready",
      value: loadMs,
      unit: "ms",
      note: `the model loads meanwhile; then ${memory === undefined ? "?" : Math.round(memory / 1e6)} MB resident`,
    },
  ];
}

/** One answer: when its first word came, when its last, and what it cost. */
async function stream(pool: Pool, content: string, maxTokens: number): Promise<Streamed> {
  const asked = performance.now();
  const answer = await pool.request({
    method: "POST",
    path: "/v1/chat/completions",
    headers: { "content-type": "application/json", authorization: `Bearer ${benchKey}` },
    body: JSON.stringify({
      model: "MiniMax-M3",
      stream: true,
      stream_options: { include_usage: true },
      thinking: { type: "adaptive" },
      temperature: 0.01,
      max_tokens: maxTokens,
      messages: [{ role: "user", content }],
    }),
  });
  if (answer.statusCode !== 200) throw new Error(`embedded: ${answer.statusCode} ${await answer.body.text()}`);
  let firstMs: number | undefined;
  let text = "";
  answer.body.setEncoding("utf8");
  for await (const piece of answer.body as AsyncIterable<string>) {
    if (piece.includes('"content":"')) firstMs ??= performance.now() - asked;
    text += piece;
  }
  const usage = text
    .split("\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => (JSON.parse(line.slice(6)) as Chunk).usage)
    .findLast((found) => found !== undefined && found !== null);
  const wholeMs = performance.now() - asked;
  return {
    firstMs: firstMs ?? wholeMs,
    wholeMs,
    output: usage?.completion_tokens ?? Number.NaN,
    cached: usage?.prompt_tokens_details?.cached_tokens ?? 0,
    input: usage?.prompt_tokens ?? Number.NaN,
  };
}
