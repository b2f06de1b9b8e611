/** Mixed load for a long time; memory that grows with it is a leak. */
import { chatBodies, responsesBodies } from "./body.ts";
import { chat, longQuestion, mebibyte, simulator } from "./attack.ts";
import { Client, inParallel, lastEvent, pause } from "./client.ts";
import { model, startAttacked, type AttackedServer } from "./server.ts";

/** Resident bytes may grow by so much an hour, and not at all beyond the noise of the collector. */
const mostPerHour = 20 * mebibyte;
const sampleMs = 10_000;
/** The first part of the run fills caches and the heap. */
const warmShare = 0.25;

const settings = { ...simulator, media: { download: { enabled: false } } };

/** Runs and prints; resolves to whether the memory stayed flat. */
export async function soak(minutes: number): Promise<boolean> {
  const server = await startAttacked(settings);
  const until = performance.now() + minutes * 60_000;
  const counts = { asked: 0, failed: 0 };
  const load = Promise.all(callers.map((caller) => keepCalling(server, caller, { until, counts })));
  const samples: { hours: number; rss: number; heap: number }[] = [];
  const started = performance.now();
  while (performance.now() < until) {
    await pause(Math.min(sampleMs, Math.max(0, until - performance.now())));
    const { rss, heap } = await server.inside(true);
    samples.push({ hours: (performance.now() - started) / 3_600_000, rss, heap });
  }
  await load;
  const warm = samples.slice(Math.floor(samples.length * warmShare));
  const slopes = {
    rss: slope(warm.map(({ hours, rss }) => [hours, rss])),
    heap: slope(warm.map(({ hours, heap }) => [hours, heap])),
  };
  const [first, last] = [warm[0], warm.at(-1)];
  const megabytes = (bytes = Number.NaN): string => (bytes / 1e6).toFixed(1);
  console.log(
    `${minutes} minutes, ${counts.asked} requests, ${counts.failed} failed, ${server.handles()} handles at the end`,
  );
  console.log(
    `resident: ${megabytes(first?.rss)} to ${megabytes(last?.rss)} MB, slope ${megabytes(slopes.rss)} MB an hour`,
  );
  console.log(
    `heap and buffers: ${megabytes(first?.heap)} to ${megabytes(last?.heap)} MB, slope ${megabytes(slopes.heap)} MB an hour`,
  );
  console.log(`(a sample each ${sampleMs / 1000} s after a collection; the first quarter is left out of the slopes)`);
  await server.stop();
  return counts.failed === 0 && slopes.heap <= mostPerHour;
}

type Caller = (client: Client, turn: number) => Promise<boolean>;

const ok = (status: number): boolean => status > 0 && status < 500;

const callers: readonly Caller[] = [
  async (client, turn) => ok((await client.send("/v1/chat/completions", chatBodies[turn % chatBodies.length])).status),
  async (client, turn) =>
    ok((await client.send("/v1/responses", responsesBodies[turn % responsesBodies.length])).status),
  async (client, turn) =>
    ok(
      (await client.send("/v1/chat/completions", chat(model, { stream: true, user: "x".repeat(turn % 100_000) })))
        .status,
    ),
  async (client) => {
    const leave = new AbortController();
    setTimeout(() => leave.abort(), 10);
    const body = chat(model, {
      messages: longQuestion,
      max_tokens: 9_000,
      stream: true,
    });
    await client.send("/v1/chat/completions", body, { signal: leave.signal });
    return true;
  },
  async (client, turn) => {
    const connection = await client.webSocket();
    const answer = lastEvent(connection);
    connection.send(JSON.stringify({ type: "response.create", model, input: `turn ${turn}`, max_output_tokens: 5 }));
    const { type } = await answer;
    connection.terminate();
    return type !== "silence";
  },
  async (client) => ok((await client.send("/v1/chat/completions", "{", { key: "wrong" })).status),
  async (client) => ok((await client.send("/v1/responses/input_tokens", { model, input: "x".repeat(200_000) })).status),
];

async function keepCalling(
  server: AttackedServer,
  caller: Caller,
  { until, counts }: { until: number; counts: { asked: number; failed: number } },
): Promise<void> {
  await using client = new Client(server);
  for (let turn = 0; performance.now() < until; turn += 1) {
    const found = await inParallel(2, 2, (index) => caller(client, turn * 2 + index));
    counts.asked += found.length;
    counts.failed += found.filter((fine) => !fine).length;
    await pause(20);
  }
}

/** Rise of a straight line through the points (least squares). */
function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))];
  const over = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  return over / points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
}
