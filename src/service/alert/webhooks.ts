import { createHmac } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { IdSource } from "../../model/id.ts";
import type { Log } from "../../telemetry/log.ts";

/** What operators can be notified of. */
export type AlertEvent = "budget" | "replica-down" | "replica-up" | "errors-high";

/** One event, with a sentence for people and the facts for programs. */
export interface Alert {
  event: AlertEvent;
  /** Chat programs with incoming webhooks show it. */
  text: string;
  data: Readonly<Record<string, unknown>>;
}

/** Takes an alert at once and never throws. */
export type RaiseAlert = (alert: Alert) => void;

export interface WebhookTarget {
  url: string;
  /** Signs every call; without it calls are not signed. */
  secret?: string | undefined;
  events: readonly AlertEvent[];
}

/** Sends a body to an address; resolves with the status. */
export type Post = (
  url: string,
  call: { headers: Record<string, string>; body: string; signal: AbortSignal },
) => Promise<number>;

export interface WebhooksOptions {
  targets: readonly (WebhookTarget & { post: Post })[];
  ids: IdSource;
  log: Log;
  /** Milliseconds before each further try. */
  retriesMs?: readonly number[] | undefined;
}

/** Calls that wait for one target; further ones are dropped. */
const maxWaiting = 100;
const callMs = 10_000;
const defaultRetriesMs: readonly number[] = [1_000, 5_000, 30_000, 120_000, 600_000];

interface Call {
  id: string;
  event: AlertEvent;
  body: string;
}

/**
 * Sends alerts to webhooks in the form of Standard Webhooks (standardwebhooks.com, version 1). Each target has a queue of
 * its own; nothing waits for a call.
 */
export class Webhooks {
  // fixed at birth
  private readonly options: WebhooksOptions;
  private readonly queues: readonly Queue[];

  constructor(options: WebhooksOptions) {
    this.options = options;
    this.queues = options.targets.map((target) => new Queue(target, options));
  }

  /** Takes an alert at once and never throws. */
  readonly raise: RaiseAlert = ({ event, text, data }) => {
    const { ids } = this.options;
    const timestamp = new Date(ids.now()).toISOString();
    const call: Call = {
      id: `msg_${ids.hex(24)}`,
      event,
      body: JSON.stringify({ type: event, timestamp, text, data }),
    };
    for (const queue of this.queues) queue.add(call);
  };

  /** Ends calls that are under way; what waits is dropped. */
  async close(): Promise<void> {
    await Promise.all(this.queues.map((queue) => queue.close()));
  }
}

class Queue {
  // fixed at birth
  private readonly target: WebhooksOptions["targets"][number];
  private readonly options: WebhooksOptions;
  private readonly closing = new AbortController();
  // changed by events
  /** Calls that were not begun, oldest first; `add` fills it, `run` empties it. */
  private readonly waiting: Call[] = [];
  /** Set while calls are made. */
  private running: Promise<void> | undefined;

  constructor(target: WebhooksOptions["targets"][number], options: WebhooksOptions) {
    this.target = target;
    this.options = options;
  }

  add(call: Call): void {
    if (!this.target.events.includes(call.event) || this.closing.signal.aborted) return;
    if (this.waiting.length >= maxWaiting) {
      this.options.log.error(
        { event: call.event, host: hostOf(this.target.url) },
        "a webhook call was dropped: too many wait",
      );
      return;
    }
    this.waiting.push(call);
    this.running ??= this.run().finally(() => (this.running = undefined));
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    for (let call = this.waiting.shift(); call !== undefined; call = this.waiting.shift()) {
      if (!this.closing.signal.aborted) await this.deliver(call).catch(() => undefined);
    }
  }

  /** Tries until it is taken, there are no more tries, or the server closes. */
  private async deliver(call: Call): Promise<void> {
    const { log, retriesMs = defaultRetriesMs } = this.options;
    for (const pauseMs of [...retriesMs, undefined]) {
      const failure = await this.send(call);
      if (failure === undefined) return;
      const about = { event: call.event, host: hostOf(this.target.url), reason: failure };
      if (pauseMs === undefined) {
        log.error(about, "a webhook call was given up");
        return;
      }
      log.warn({ ...about, pauseMs }, "a webhook call failed and is tried again");
      await pause(pauseMs, undefined, { signal: this.closing.signal, ref: false });
    }
  }

  /** The reason where the call failed. */
  private async send({ id, body }: Call): Promise<string | undefined> {
    const { post, secret, url } = this.target;
    const seconds = String(Math.floor(this.options.ids.now() / 1000));
    const headers = {
      "content-type": "application/json",
      "user-agent": "parley",
      "webhook-id": id,
      "webhook-timestamp": seconds,
      ...(secret !== undefined && { "webhook-signature": `v1,${signature(secret, `${id}.${seconds}.${body}`)}` }),
    };
    try {
      const signal = AbortSignal.any([this.closing.signal, AbortSignal.timeout(callMs)]);
      const status = await post(url, { headers, body, signal });
      return status >= 200 && status < 300 ? undefined : `status ${status}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}

/** Base64 HMAC-SHA256; a secret with `whsec_` is the key in base64. */
function signature(secret: string, content: string): string {
  const [, encoded] = /^whsec_(.+)$/.exec(secret) ?? [];
  const key = encoded === undefined ? Buffer.from(secret) : Buffer.from(encoded, "base64");
  return createHmac("sha256", key).update(content).digest("base64");
}

/** A path may hold a token. */
function hostOf(url: string): string {
  return URL.parse(url)?.host ?? "";
}
