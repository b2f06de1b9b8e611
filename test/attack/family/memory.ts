/** What the server remembers or gathers for one caller. */
import { expectStatus, mebibyte, simulator, type Attack } from "../attack.ts";
import { inParallel, lastEvent, pause, tally, type Answer, type Client } from "../client.ts";
import { model } from "../server.ts";

/** Turns that are not stored, remembered by their connection alone. */
async function turns(client: Client, count: number, megabytes: number): Promise<string> {
  const connection = await client.webSocket();
  // two bytes a character in memory
  const input = `\u4e2d${"A".repeat(megabytes * mebibyte - 1024)}`;
  const message = JSON.stringify({ type: "response.create", model, generate: false, store: false, input });
  const found: string[] = [];
  for (let turn = 0; turn < count; turn += 1) {
    if (connection.readyState !== connection.OPEN) break;
    const answer = lastEvent(connection);
    connection.send(message);
    const { type, text } = await answer;
    if (type === "silence") throw new Error(`turn ${turn} was not answered`);
    found.push(type === "closed" ? `closed ${text}` : type);
  }
  return tally(found.map((status) => ({ status })));
}

/** Bodies that are announced and begun, and never finished. */
async function unfinished(client: Client, count: number, megabytes: number): Promise<string> {
  const length = String(megabytes * mebibyte);
  const piece = Buffer.alloc(mebibyte, 0x41);
  const sockets = await inParallel(count, 30, () => client.socket());
  let refused = 0;
  for (const socket of sockets) socket.once("data", () => (refused += 1));
  const head = client.head("POST /v1/chat/completions", { "content-length": length });
  for (const socket of sockets) socket.write(head);
  for (let part = 0; part < megabytes - 1; part += 1) {
    for (const socket of sockets) if (socket.writable && socket.writableLength < 2 * mebibyte) socket.write(piece);
    await pause(20);
  }
  await pause(2_000);
  return `${refused} of ${count} refused`;
}

/** Responses that are stored and large; then what was stored is read again and again. */
async function storedReads(client: Client): Promise<string> {
  const stored = await client.send("/v1/responses", {
    model,
    store: true,
    max_output_tokens: 5,
    // one text alone may not have as much
    input: [{ role: "user", content: Array(3).fill({ type: "input_text", text: "A".repeat((22 / 3) * mebibyte) }) }],
  });
  if (stored.status !== 200) return expectStatus(stored, 400, 413, 429);
  const { id } = JSON.parse(stored.text) as { id: string };
  const answers = await inParallel(20, 20, () => client.send(`/v1/responses/${id}`));
  answers.push(...(await inParallel(20, 20, () => client.send(`/v1/responses/${id}/input_items`))));
  return expectStatus(answers, 200, 429, 529);
}

async function references(client: Client, count: number, size: number): Promise<string> {
  const stored = await client.send("/v1/responses", {
    model,
    store: true,
    max_output_tokens: 5,
    input: "A".repeat(size),
  });
  const { id } = JSON.parse(stored.text) as { id: string };
  const reference = { type: "item_reference", id: `${id}_msg` };
  const input = [...Array.from({ length: count }, () => reference), { role: "user", content: "x" }];
  const answers = [
    await client.send("/v1/responses/input_tokens", { model, input }),
    await client.send("/v1/responses", { model, input }),
  ];
  return expectStatus(answers, 200, 400, 413);
}

/** Each turn continues the one before; all of them are large. */
async function chain(client: Client, links: number, megabytes: number): Promise<string> {
  const answers: Answer[] = [];
  let previous: string | undefined;
  for (let link = 0; link < links; link += 1) {
    const answer = await client.send("/v1/responses", {
      model,
      store: true,
      max_output_tokens: 5,
      input: "A".repeat(megabytes * mebibyte),
      ...(previous === undefined ? {} : { previous_response_id: previous }),
    });
    answers.push(answer);
    if (answer.status !== 200) break;
    previous = (JSON.parse(answer.text) as { id: string }).id;
  }
  return expectStatus(answers, 200, 400, 413, 429);
}

/** As many background responses as a key may have, each with a large input. */
async function background(client: Client, count: number, megabytes: number): Promise<string> {
  const body = { model, background: true, store: true, input: "A".repeat(megabytes * mebibyte) };
  return expectStatus(await inParallel(count, 6, () => client.send("/v1/responses", body)), 200, 402, 413, 429);
}

const row = (name: string, run: Attack["run"], fast = false): Attack => ({
  name,
  by: "key",
  settings: simulator,
  fast,
  run,
});

export const memoryAttacks: readonly Attack[] = [
  // gigabytes that are refused, because no text may be so long
  { ...row("WebSocket: 40 turns of 30 MB", (client) => turns(client, 40, 30)), maxSeconds: 120 },
  { ...row("WebSocket: 35 turns of 60 MB", (client) => turns(client, 35, 60)), maxSeconds: 120 },
  row("WebSocket: 40 turns of 9 MB", (client) => turns(client, 40, 9)),
  row("WebSocket: 64 turns of 1 MB", (client) => turns(client, 64, 1), true),
  row("60 unfinished bodies of 60 MB", (client) => unfinished(client, 60, 60)),
  row("200 unfinished bodies of 2 MB", (client) => unfinished(client, 200, 2), true),
  row("40 reads of one stored response of 22 MB", storedReads),
  row("2,000 references to 1 MB", (client) => references(client, 2_000, mebibyte)),
  row("100,000 references to little", (client) => references(client, 100_000, 10)),
  row("1,000 references to 100 kB", (client) => references(client, 1_000, 100_000), true),
  row("a chain of 11 links of 5 MB", (client) => chain(client, 11, 5)),
  row("a chain of 12 links of 50 kB", (client) => chain(client, 12, 0.05), true),
  // 1.2 GB are written: input as it was sent, and as later turns read it
  { ...row("60 background responses of 10 MB", (client) => background(client, 60, 10)), maxSeconds: 90 },
];
