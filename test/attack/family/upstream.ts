/**
 * Sick upstreams: what one of them sends must not stop the callers of the others. The single faults and their deadlines
 * are in test/engine/upstream/chaos.test.ts; here it is what the whole server does meanwhile.
 */
import { chat, expectStatus, type Attack } from "../attack.ts";
import { inParallel, type Client } from "../client.ts";
import { model, type Settings } from "../server.ts";
import { sicknesses } from "../sick.ts";

const fast = ["one event of 200 kB over many lines", "5,000 tool calls in one answer", "an error page of 300 MB"];

const settings = (upstream: string): Settings => ({
  engines: { sick: { kind: "upstream", url: `${upstream}/v1`, timeouts: { firstByte: 15, idle: 10, total: 20 } } },
});

async function ask(client: Client, name: string): Promise<string> {
  const body = chat(model, { messages: [{ role: "user", content: name }], max_tokens: 100_000 });
  const bodies = [body, { ...body, stream: true }];
  const answers = await inParallel(2, 2, (index) => client.send("/v1/chat/completions", bodies[index]));
  return expectStatus(answers, 200, 400, 502, 504, 529);
}

export const upstreamAttacks: readonly Attack[] = Object.keys(sicknesses).map((name) => ({
  name: `upstream: ${name}`,
  by: "key",
  settings,
  fast: fast.includes(name),
  run: (client) => ask(client, name),
}));
