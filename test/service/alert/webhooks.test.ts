import { createHmac } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Poster } from "../../../src/media/post.ts";
import { systemIds } from "../../../src/model/id.ts";
import { Webhooks, type Post, type WebhookTarget } from "../../../src/service/alert/webhooks.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

const cleanup: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const one of cleanup.splice(0).reverse()) await one();
});

interface Received {
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}

/** A receiver that answers with these statuses in turn, then with 204. */
async function receiver(statuses: number[] = []): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const server: Server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      received.push({ headers: request.headers, body });
      response.writeHead(statuses.shift() ?? 204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanup.push(() => new Promise((resolve) => server.close(resolve)));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received };
}

function webhooks(
  target: Partial<WebhookTarget> & { url: string },
  { allow = ["127.0.0.1"], post }: { allow?: string[]; post?: Post } = {},
): Webhooks {
  const poster = new Poster({ allow, timeoutMs: 5_000 });
  cleanup.push(() => poster.close());
  const made = new Webhooks({
    targets: [{ events: ["replica-down"], ...target, post: post ?? ((url, call) => poster.post(url, call)) }],
    ids: { ...systemIds, now: () => Date.UTC(2026, 10, 28) },
    log: silentLog,
    retriesMs: [1, 1],
  });
  cleanup.push(() => made.close());
  return made;
}

const alert = { event: "replica-down", text: "The replica a:1 is down.", data: { replica: "a:1" } } as const;

describe("Webhooks", () => {
  it.each([
    ["a plain secret", "0123456789", Buffer.from("0123456789")],
    ["a secret of Standard Webhooks", `whsec_${Buffer.from("key").toString("base64")}`, Buffer.from("key")],
  ])("sends the event, signed with %s", async (_name, secret, key) => {
    const { url, received } = await receiver();
    webhooks({ url, secret }).raise(alert);
    await expect.poll(() => received.length).toBe(1);
    const { headers, body } = received[0] as Received;
    expect(JSON.parse(body)).toEqual({
      type: "replica-down",
      timestamp: "2026-11-28T00:00:00.000Z",
      text: alert.text,
      data: alert.data,
    });
    const seconds = String(Date.UTC(2026, 10, 28) / 1000);
    expect(headers["webhook-timestamp"]).toBe(seconds);
    const signed = createHmac("sha256", key)
      .update(`${String(headers["webhook-id"])}.${seconds}.${body}`)
      .digest("base64");
    expect(headers["webhook-signature"]).toBe(`v1,${signed}`);
  });

  it("sends an event again under its id until it is taken, and gives up in the end", async () => {
    const { url, received } = await receiver([500, 429, 200, 500, 500, 500]);
    const made = webhooks({ url });
    made.raise(alert);
    made.raise({ ...alert, text: "second" });
    made.raise({ ...alert, text: "third" });
    await expect.poll(() => received.length).toBe(7);
    const texts = received.map(({ body }) => (JSON.parse(body) as { text: string }).text);
    expect(texts).toEqual([alert.text, alert.text, alert.text, "second", "second", "second", "third"]);
    expect(new Set(received.map(({ headers }) => headers["webhook-id"])).size).toBe(3);
    expect(received[0]?.headers["webhook-signature"]).toBeUndefined();
  });

  it("sends only the events that are asked for", async () => {
    const { url, received } = await receiver();
    const made = webhooks({ url });
    made.raise({ ...alert, event: "replica-up" });
    made.raise(alert);
    await expect.poll(() => received.length).toBe(1);
    expect(JSON.parse(received[0]?.body ?? "")).toMatchObject({ type: "replica-down" });
  });

  it("calls no private address that is not allowed", async () => {
    const { url, received } = await receiver();
    const refused: unknown[] = [];
    const poster = new Poster({ allow: [], timeoutMs: 1_000 });
    cleanup.push(() => poster.close());
    const post: Post = (to, call) =>
      poster.post(to, call).catch((error: unknown) => {
        refused.push(error);
        throw error;
      });
    webhooks({ url }, { post }).raise(alert);
    await expect.poll(() => refused.length).toBe(3);
    expect(received).toEqual([]);
    expect(String(refused[0])).toContain("not a public one");
  });

  it("keeps a bounded number waiting, and ends at once when the server does", async () => {
    let calls = 0;
    const post: Post = async (_url, { signal }) => {
      calls += 1;
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    };
    const made = webhooks({ url: "http://192.0.2.1/" }, { post });
    for (let times = 0; times < 500; times += 1) made.raise(alert);
    await made.close();
    made.raise(alert);
    expect(calls).toBe(1);
  });
});
