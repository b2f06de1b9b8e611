/** Many slow streams at once through one proxy: what they cost, and how late their events come. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Inside } from "../../attack/inside.ts";
import { benchKey, type Child } from "../child.ts";
import { hammer } from "../load.ts";
import { percentile, type Row } from "../row.ts";
import { slowAnswer, timePattern, type AnswerName } from "./answers.ts";
import { startProxies, type Proxy } from "./proxies.ts";

const streams = 1_000;
const body = JSON.stringify(chatOf(slowAnswer));
/** All streams are open and warm after this; what comes before is not counted. */
const settleMs = 3_000;
const measuredMs = 14_000;
/** Requests before the measurement, so that what is loaded and compiled once does not count as memory of streams. */
const warm = { path: "/v1/chat/completions", body: chatOf("relay"), connections: 10, requests: 500 };
const goal = { addedKilobytes: 40, memoryAfter: 1.3, holdMs: 50, addedLateMs: 100 };

function chatOf(model: AnswerName): object {
  return { model, stream: true, messages: [{ role: "user", content: "Tell me a long story." }] };
}

interface Found {
  /** Share of one processor. */
  share: number;
  /** Of one stream, after a full collection. */
  kilobytes: number;
  /** Resident memory when all streams are over, in times of what it was before; both after a full collection. */
  memoryAfter: number;
  /** Longest processor time between two turns of the event loop, in milliseconds. */
  holdMs: number;
  /** Of each event, in milliseconds. */
  lateMs: number[];
}

export async function streamRows(): Promise<Row[]> {
  await using proxies = await startProxies({ inside: true });
  const bare = await measure(proxies.bare);
  const parley = await measure(proxies.parley);
  const [own, least] = [percentile(parley.lateMs, 1), percentile(bare.lateMs, 1)];
  const p99 = `p99 ${percentile(parley.lateMs, 0.99)} ms against ${percentile(bare.lateMs, 0.99)} ms`;
  const name = `${streams} slow streams`;
  return [
    {
      shape: `relay ${name}, processor`,
      value: parley.share * 100,
      unit: "%",
      note: `of one; bare ${(bare.share * 100).toFixed(0)} %`,
    },
    {
      shape: `relay ${name}, memory each added`,
      value: parley.kilobytes - bare.kilobytes,
      unit: "kB",
      budget: goal.addedKilobytes,
      note: `${parley.kilobytes.toFixed(1)} kB against ${bare.kilobytes.toFixed(1)} kB, heap and buffers`,
    },
    {
      shape: `relay ${name}, memory after them`,
      value: parley.memoryAfter,
      unit: "x before",
      budget: goal.memoryAfter,
      note: `resident; bare ${bare.memoryAfter.toFixed(2)}`,
    },
    {
      shape: `relay ${name}, longest hold`,
      value: parley.holdMs,
      unit: "ms",
      budget: goal.holdMs,
      note: `processor time between two turns; bare ${bare.holdMs.toFixed(1)} ms`,
    },
    {
      shape: `relay ${name}, latest event added`,
      value: own - least,
      unit: "ms",
      budget: goal.addedLateMs,
      note: `${own} ms against ${least} ms; ${p99}; ${parley.lateMs.length} events`,
    },
  ];
}

async function measure({ process, pool }: Proxy): Promise<Found> {
  await hammer(pool, warm, warm);
  const before = await process.inside(true);
  const during = await withStreams(process, before);
  await sleep(settleMs);
  return { ...during, memoryAfter: (await process.inside(true)).rss / before.rss };
}

async function withStreams(process: Child, before: Inside): Promise<Omit<Found, "memoryAfter">> {
  const sockets: Socket[] = [];
  const lateMs: number[] = [];
  let counting = false;
  try {
    for (let index = 0; index < streams; index += 1) {
      sockets.push(openStream(process.url, (late) => counting && lateMs.push(late)));
      // as fast as one after another can be opened
      if (index % 20 === 19) await sleep(10);
    }
    await sleep(settleMs);
    await process.inside(false);
    counting = true;
    const [began, used] = [performance.now(), process.processorMicros()];
    await sleep(measuredMs);
    const share = (process.processorMicros() - used) / 1000 / (performance.now() - began);
    counting = false;
    const after = await process.inside(true);
    const open = sockets.filter((socket) => !socket.destroyed).length;
    if (open < streams) throw new Error(`only ${open} of ${streams} streams were open until the end`);
    return { share, kilobytes: (after.heap - before.heap) / 1000 / streams, holdMs: after.holdMs, lateMs };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** A caller with little of its own: it reads times out of what comes, as long as the socket is open. */
function openStream(url: string, late: (ms: number) => unknown): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const head = [
    "POST /v1/chat/completions HTTP/1.1",
    `host: ${hostname}`,
    `authorization: Bearer ${benchKey}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  socket.setEncoding("latin1").once("data", (text: string) => {
    if (!text.startsWith("HTTP/1.1 200")) socket.destroy(new Error(text.slice(0, 300)));
  });
  socket.on("data", (text: string) => {
    const now = Date.now();
    for (const found of text.matchAll(timePattern)) late(now - Number(found[1]));
  });
  return socket.on("error", () => socket.destroy());
}
