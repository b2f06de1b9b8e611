/**
 * Mutated requests, 10,000 a surface: valid ones with values dropped, doubled, swapped or replaced by strange ones. Each one
 * is answered, and none as the server's own fault. The seed makes every one of them again.
 */
import fc from "fast-check";
import { simulator, type Attack } from "../attack.ts";
import { answeredOverHttp, answeredOverSocket, judge, width } from "../answered.ts";
import { inParallel, type Answer, type Client } from "../client.ts";
import { adminKey } from "../server.ts";
import { mutated, mutation, type Mutation } from "../mutation.ts";
import { adminBodies, chatBodies, messagesBodies, responsesBodies } from "../body.ts";

export const defaultSeed = 20_261_128;

const settings = { ...simulator, media: { download: { enabled: false } } };

interface Shot {
  seed: number;
  count: number;
}

/** The bodies of one surface, each a valid one with one to three mutations. */
function draws<T>(bodies: readonly T[], { seed, count }: Shot): { body: T; mutations: Mutation[] }[] {
  const draw = fc.record({
    body: fc.constantFrom(...bodies),
    mutations: fc.array(mutation, { minLength: 1, maxLength: 3 }),
  });
  return fc.sample(draw, { seed, numRuns: count });
}

async function overHttp(client: Client, path: string, bodies: readonly object[], shot: Shot): Promise<string> {
  const list = draws(bodies, shot).map(({ body, mutations }) => mutated(body, mutations));
  return await answeredOverHttp(client, path, list);
}

/** The codes of files stand in the body, the status is 200: 1000 and 1013 are faults of the server. */
function fileStatus(answer: Answer): Answer {
  const code = Number(/"status_code":(\d+)/.exec(answer.text)?.[1] ?? 0);
  if (code === 1000 || code === 1013) return { ...answer, status: 500 };
  return code === 0 ? answer : { ...answer, status: 400 };
}

const upload = [
  '--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nt2a_async_input\r\n',
  '--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\ncontent-type: text/plain\r\n\r\nsome words\r\n',
  "--b--\r\n",
];
const pieces = [
  "\r\n",
  "--b",
  "--",
  '"',
  "filename",
  "\0",
  "\u00e9",
  "name=",
  ";",
  ":",
  " ",
  "purpose",
  "x".repeat(2_000),
  "%00",
  "..%2f",
];

/** An upload with pieces cut out, put in and doubled, and queries of the other calls. */
async function files(client: Client, { seed, count }: Shot): Promise<string> {
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(12),
    put: fc.constantFrom("", ...pieces),
  });
  const id = fc.oneof(
    fc.integer(),
    fc.string(),
    fc.constantFrom("", "1e400", "-1", "9007199254740993", "1&file_id=2", "%", "null"),
  );
  const draw = fc.record({
    edits: fc.array(edit, { minLength: 1, maxLength: 4 }),
    id,
    call: fc.nat(9),
    body: fc.jsonValue({ maxDepth: 2 }),
  });
  const list = fc.sample(draw, { seed, numRuns: count });
  const answers = await inParallel(list.length, width, async (index) => {
    const { edits, id: file, call, body } = list[index] ?? { edits: [], id: "", call: 0, body: null };
    const query = `?file_id=${encodeURIComponent(String(file).toWellFormed())}`;
    if (call === 7) return client.send(`/v1/files/retrieve${query}`);
    if (call === 8) return client.send(`/v1/files/retrieve_content${query}`);
    if (call === 9) return client.send("/v1/files/delete", body === null ? { file_id: file } : body);
    let text = upload.join("");
    for (const { at, cut, put } of edits) {
      const place = Math.floor(at * text.length);
      text = text.slice(0, place) + put + text.slice(place + cut);
    }
    return client.send("/v1/files/upload", text, {
      headers: { "content-type": "multipart/form-data; boundary=b" },
      timeoutMs: 10_000,
    });
  });
  return judge(answers.map(fileStatus), (index) => list[index]);
}

async function admin(client: Client, shot: Shot): Promise<string> {
  const list = draws(adminBodies(client.server.other.id), shot).map(({ body, mutations }) => ({
    ...body,
    body: mutated(body.body, mutations),
  }));
  const answers = await inParallel(list.length, width, async (index) => {
    const { method, path, body } = list[index] ?? { method: "GET", path: "/admin/api/keys", body: {} };
    const target = method === "GET" ? `${path}?${query(body)}` : path;
    return client.send(target, method === "GET" ? undefined : body, { key: adminKey, method, timeoutMs: 10_000 });
  });
  return judge(answers, (index) => list[index]);
}

function query(body: unknown): string {
  const fields = Object.entries((body ?? {}) as object);
  return fields
    .map(
      ([name, value]) =>
        `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(String(value).slice(0, 500).toWellFormed())}`,
    )
    .join("&");
}

/** Messages that report progress are not answered. */
function isReport(message: unknown): boolean {
  const { type } = (message ?? {}) as { type?: unknown };
  return typeof type === "string" && type.startsWith("response.") && type !== "response.create";
}

async function socket(client: Client, shot: Shot): Promise<string> {
  const bodies = responsesBodies.map((body) => ({ type: "response.create", ...body }));
  const list = draws(bodies, shot)
    .map(({ body, mutations }) => mutated(body, mutations))
    .filter((message) => !isReport(message));
  return await answeredOverSocket(client, list);
}

type Run = (client: Client, shot: Shot) => Promise<string>;

const surfaces: Readonly<Record<string, Run>> = {
  chat: (client, shot) => overHttp(client, "/v1/chat/completions", chatBodies, shot),
  responses: (client, shot) => overHttp(client, "/v1/responses", responsesBodies, shot),
  messages: (client, shot) => overHttp(client, "/anthropic/v1/messages", messagesBodies, shot),
  WebSocket: socket,
  "admin API": admin,
  files,
};

export function mutatedAttacks(seed: number): Attack[] {
  return Object.entries(surfaces).flatMap(([name, run]): Attack[] => [
    {
      name: `10,000 mutated: ${name}`,
      by: "key",
      settings,
      maxSeconds: 180,
      run: (client) => run(client, { seed, count: 10_000 }),
    },
    {
      name: `400 mutated: ${name}`,
      by: "key",
      settings,
      fast: true,
      run: (client) => run(client, { seed: seed + 1, count: 400 }),
    },
  ]);
}
