/** Readers that do not read, or a byte now and then. */
import { chat, longQuestion, simulator, simulatorWith, type Attack } from "../attack.ts";
import { inParallel, pause, tally, type Answer, type Client } from "../client.ts";
import { model } from "../server.ts";

/** Another caller's requests, one after another, for so long. Throws when one takes longer than `worstMs` or fails. */
async function others(client: Client, spanMs: number, worstMs: number): Promise<string> {
  const answers: Answer[] = [];
  const started = performance.now();
  while (performance.now() - started < spanMs) {
    answers.push(
      await client.send("/v1/chat/completions", chat(model), { key: client.server.other.key, timeoutMs: worstMs }),
    );
    await pause(250);
  }
  const failed = answers.find(({ status }) => status !== 200);
  if (failed !== undefined) throw new Error(`another caller: ${tally(answers)}; ${failed.text.slice(0, 100)}`);
  const worst = Math.max(...answers.map(({ ms }) => ms));
  return `another caller: ${tally(answers)}, worst ${worst.toFixed(0)} ms`;
}

async function silentStreams(client: Client, count: number): Promise<string> {
  const body = JSON.stringify(chat(model, { messages: longQuestion, max_tokens: 200_000, stream: true }));
  const head = client.head("POST /v1/chat/completions", { "content-length": String(Buffer.byteLength(body)) });
  await inParallel(count, 50, async () => {
    const socket = await client.socket();
    socket.pause();
    socket.write(head + body);
  });
  return others(client, 8_000, worstWaitMs);
}

async function silentSockets(client: Client, count: number): Promise<string> {
  const message = JSON.stringify({
    type: "response.create",
    model,
    instructions: "B".repeat(3_000_000),
    input: longQuestion,
  });
  await inParallel(count, count, async () => {
    const connection = await client.webSocket();
    connection.pause();
    connection.send(message);
  });
  await pause(1_000);
  return others(client, 15_000, worstWaitMs);
}

/** Takes a byte each 100 ms, so that no pause is ever long. */
async function slowStreams(client: Client, count: number): Promise<string> {
  const body = JSON.stringify(chat(model, { messages: longQuestion, max_tokens: 200_000, stream: true }));
  const head = client.head("POST /v1/chat/completions", { "content-length": String(Buffer.byteLength(body)) });
  const sockets = await inParallel(count, count, () => client.socket());
  for (const socket of sockets) {
    socket.on("readable", () => undefined);
    socket.write(head + body);
  }
  const timer = setInterval(() => sockets.forEach((socket) => socket.read(1)), 100);
  try {
    return await others(client, 15_000, worstWaitMs);
  } finally {
    clearInterval(timer);
  }
}

/** A reader that takes nothing loses its slot after that; until then a caller whose key had nothing under way waits. */
const stallSeconds = 4;
const slots = { ...simulatorWith({ slots: 8 }), server: { timeouts: { stallSeconds } } };
const worstWaitMs = stallSeconds * 1_000 + 6_000;

export const readerAttacks: readonly Attack[] = [
  {
    name: "300 streams that are never read",
    by: "key",
    settings: simulator,
    run: (client) => silentStreams(client, 300),
  },
  {
    name: "40 streams that are never read",
    by: "key",
    settings: simulator,
    fast: true,
    run: (client) => silentStreams(client, 40),
  },
  {
    name: "8 WebSockets that never read, on 8 slots",
    by: "key",
    settings: slots,
    run: (client) => silentSockets(client, 8),
  },
  {
    name: "16 streams that are never read, on 8 slots",
    by: "key",
    settings: slots,
    run: (client) => silentStreams(client, 16),
  },
  {
    name: "8 streams read byte by byte, on 8 slots",
    by: "key",
    settings: slots,
    run: (client) => slowStreams(client, 8),
  },
];
