/** Money and limits that many requests at once, or other forms of a request, could pass by. */
import { chat, expectStatus, longQuestion, mebibyte, simulatorWith, type Attack } from "../attack.ts";
import { inParallel, lastEvent, pause, tally, type Answer, type Client } from "../client.ts";
import { adminKey, model } from "../server.ts";

const slow = simulatorWith({ decodeTokensPerSecond: 20_000 });
const limited = { ...slow, limits: { key: { requestsPerMinute: 10_000 } } };
const startMicros = 1_000;
/** What one long answer costs: the last one may begin with less than that. */
const slackMicros = 65_000;

async function account(client: Client, change?: object): Promise<{ balanceMicros: number }> {
  const path = `/admin/api/accounts/key:${client.server.attacker.id}`;
  const answer = await client.send(path, change, { key: adminKey, method: change === undefined ? "GET" : "PATCH" });
  if (answer.status !== 200) throw new Error(`account: ${answer.status} ${answer.text}`);
  return JSON.parse(answer.text) as { balanceMicros: number };
}

async function withBalance(client: Client, micros: number, run: () => Promise<string>): Promise<string> {
  await account(client, { balanceMicros: micros });
  try {
    const found = await run();
    // the ledger is written 50 ms after the last answer
    await pause(500);
    const { balanceMicros } = await account(client);
    if (balanceMicros < -slackMicros) throw new Error(`${found}; balance ${balanceMicros} micros`);
    return `${found}; balance ${balanceMicros} micros`;
  } finally {
    await account(client, { balanceMicros: null });
  }
}

const long = { messages: longQuestion, max_tokens: 50_000, thinking: { type: "disabled" } };

async function overdraft(client: Client, count: number): Promise<string> {
  const answers = await inParallel(count, count, () => client.send("/v1/chat/completions", chat(model, long)));
  return expectStatus(answers, 200, 402, 429);
}

/** The other forms of a request, with nothing left to pay them. */
async function withoutMoney(client: Client): Promise<string> {
  const input = "A".repeat(mebibyte);
  const answers: Answer[] = [
    await client.send("/v1/chat/completions", chat(model)),
    await client.send("/v1/responses", { model, input }),
    await client.send("/v1/responses", { model, input, background: true, store: true }),
    await client.send("/v1/responses", { model, input, stream: true }),
  ];
  const found = expectStatus(answers, 402);
  const connection = await client.webSocket();
  const last = lastEvent(connection);
  connection.send(JSON.stringify({ type: "response.create", model, input }));
  const { type, text } = await last;
  if (type !== "error" || !text.includes("1008")) throw new Error(`WebSocket: ${type} ${text.slice(0, 120)}`);
  return `${found}; WebSocket ${type} 1008`;
}

/** A key over its limit, in every form that costs the server something. */
async function overLimit(client: Client): Promise<string> {
  const path = `/admin/api/keys/${client.server.attacker.id}`;
  const limit = (value: number | null): Promise<Answer> =>
    client.send(path, { limits: { requestsPerMinute: value } }, { key: adminKey, method: "PATCH" });
  expectStatus(await limit(1), 200);
  await client.send("/v1/chat/completions", chat(model));
  const input = "A".repeat(100_000);
  const forms = [
    { model, input },
    { model, input, background: true, store: true },
    { model, input, stream: true },
  ];
  const answers = await inParallel(60, 20, (index) => client.send("/v1/responses", forms[index % forms.length]));
  expectStatus(await limit(10_000), 200);
  expectStatus(answers, 429);
  return tally(answers);
}

export const moneyAttacks: readonly Attack[] = [
  {
    name: "300 requests at once on $0.001",
    by: "key",
    settings: slow,
    run: (client) => withBalance(client, startMicros, () => overdraft(client, 300)),
  },
  {
    name: "30 requests at once on $0.001",
    by: "key",
    settings: slow,
    fast: true,
    run: (client) => withBalance(client, startMicros, () => overdraft(client, 30)),
  },
  {
    name: "every form without money",
    by: "key",
    settings: slow,
    fast: true,
    run: (client) => withBalance(client, 0, () => withoutMoney(client)),
  },
  { name: "every form over the limit", by: "key", settings: limited, fast: true, run: overLimit },
];
