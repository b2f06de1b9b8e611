/** Many requests at once, ended, piled up or hidden behind one another. */
import { chat, expectStatus, longQuestion, simulator, type Attack } from "../attack.ts";
import { inParallel, lastEvent, pause, tally, type Client } from "../client.ts";
import { model } from "../server.ts";

async function aborted(client: Client, count: number): Promise<string> {
  const body = chat(model, {
    messages: longQuestion,
    max_tokens: 50_000,
    stream: true,
  });
  const answers = await inParallel(count, 150, async (index) => {
    const leave = new AbortController();
    const timer = setTimeout(() => leave.abort(), 5 + (index % 40));
    const answer = await client.send("/v1/chat/completions", body, { signal: leave.signal });
    clearTimeout(timer);
    return answer;
  });
  return `${answers.filter(({ status }) => status === 0).length} of ${count} aborted`;
}

/** All of them at the same moment. */
async function abortedTogether(client: Client, count: number): Promise<string> {
  const body = JSON.stringify(chat(model, { messages: longQuestion, max_tokens: 50_000, stream: true }));
  const head = client.head("POST /v1/chat/completions", { "content-length": String(Buffer.byteLength(body)) });
  const sockets = await inParallel(count, 200, () => client.socket());
  for (const socket of sockets) socket.write(head + body);
  await pause(300);
  for (const socket of sockets) socket.resetAndDestroy();
  await pause(1_000);
  return `${count} aborted`;
}

/** Requests on one connection, sent without waiting for their answers. */
async function pipelined(client: Client, count: number): Promise<string> {
  const body = JSON.stringify(chat(model));
  const one = client.head("POST /v1/chat/completions", { "content-length": String(Buffer.byteLength(body)) }) + body;
  const socket = await client.socket();
  let answers = 0;
  let rest = "";
  const over = Promise.withResolvers<void>();
  socket.setEncoding("latin1").on("data", (text: string) => {
    const all = rest + text;
    answers += all.split("HTTP/1.1 ").length - 1;
    // a status line may be cut in two
    rest = all.slice(Math.max(all.lastIndexOf("HTTP/1.1 ") + 9, all.length - 8));
    if (answers >= count) over.resolve();
  });
  socket.on("close", () => over.resolve());
  for (let sent = 0; sent < count; sent += 100) socket.write(one.repeat(Math.min(100, count - sent)));
  await over.promise;
  return `${answers} of ${count} answered`;
}

/** Small requests from many connections at once. */
async function rush(client: Client, count: number): Promise<string> {
  return expectStatus(
    await inParallel(count, 300, () => client.send("/v1/chat/completions", chat(model))),
    200,
    429,
    529,
  );
}

/** One connection that carries many requests one after another. */
async function longConnection(client: Client, count: number): Promise<string> {
  const connection = await client.webSocket();
  const types: { status: string }[] = [];
  for (let index = 0; index < count; index += 1) {
    const answer = lastEvent(connection);
    connection.send(JSON.stringify({ type: "response.create", model, input: `Number ${index}`, max_output_tokens: 5 }));
    types.push({ status: (await answer).type });
  }
  for (let index = 0; index < count; index += 1) await client.send("/v1/chat/completions", chat(model));
  return tally(types);
}

const row = (name: string, run: Attack["run"], fast = false): Attack => ({
  name,
  by: "key",
  settings: simulator,
  fast,
  run,
});

export const crowdAttacks: readonly Attack[] = [
  row("3,000 requests aborted, 150 at once", (client) => aborted(client, 3_000)),
  row("3,000 requests aborted at one moment", (client) => abortedTogether(client, 3_000)),
  row("300 requests aborted at one moment", (client) => abortedTogether(client, 300), true),
  row("20,000 pipelined requests", (client) => pipelined(client, 20_000)),
  row("1,000 pipelined requests", (client) => pipelined(client, 1_000), true),
  row("5,000 requests, 300 at once", (client) => rush(client, 5_000)),
  row("one connection with 100 requests", (client) => longConnection(client, 100), true),
];
