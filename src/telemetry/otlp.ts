import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { exportBody, type AttributeValue, type Span, type SpanSink } from "./span.ts";

export interface OtlpOptions {
  /** Base URL of the collector, or the full URL that ends in `/v1/traces`. */
  url: string;
  /** Sent with every export, for example a token. */
  headers: Readonly<Record<string, string>>;
  /** Attributes of this server: `service.name` and the like. */
  resource: Readonly<Record<string, AttributeValue>>;
  log: Log;
  metrics: Pick<Metrics, "counter">;
  /** Milliseconds before the first retry, doubled each time; default 500. */
  retryMs?: number;
}

const maxQueuedSpans = 4096;
const maxBatchSpans = 512;
/** How long a span waits for others of its batch. */
const batchDelayMs = 1000;
const timeoutMs = 10_000;
const maxAttempts = 4;
/** The longest that `close` waits for the collector. */
const closeTimeoutMs = 2000;
/** Statuses after which the same batch is sent again (OTLP 1.x, failures). */
const retryableStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504]);

type SendResult = "sent" | "retry" | "refused";

/**
 * Sends spans to an OpenTelemetry collector: OTLP over HTTP in its JSON form, batch after batch. What does not fit into
 * the queue while the collector is slow or unreachable is dropped and counted; requests never wait for it.
 */
export class OtlpExporter implements SpanSink {
  // fixed at birth
  private readonly options: OtlpOptions;
  private readonly url: string;
  private readonly spans: ReturnType<Metrics["counter"]>;
  private readonly closing = new AbortController();
  // changed by events
  /** Spans that are not being sent yet; `add` appends, `drain` takes. */
  private queue: Span[] = [];
  /** Runs while the queue waits for its batch to fill. */
  private timer: NodeJS.Timeout | undefined;
  /** Set while `drain` runs. */
  private sending: Promise<void> | undefined;
  /** Whether the last batch was sent; a change is logged. */
  private healthy = true;
  /** Why the last batch could not be sent; set by `post`. */
  private reason = "";
  /** Set by `close`; later spans are dropped. */
  private closed = false;

  constructor(options: OtlpOptions) {
    this.options = options;
    this.url = tracesUrl(options.url);
    this.spans = options.metrics.counter("parley_trace_spans_total", "Trace spans by what became of them.");
  }

  add(span: Span): void {
    if (this.closed || this.queue.length >= maxQueuedSpans) return this.spans.add({ outcome: "dropped" });
    this.queue.push(span);
    if (this.queue.length >= maxBatchSpans) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), batchDelayMs).unref();
  }

  /** Sends the queue, for two seconds at most; what is left then is dropped. Never rejects. */
  async close(): Promise<void> {
    this.closed = true;
    const timer = setTimeout(() => this.closing.abort(), closeTimeoutMs);
    this.flush();
    await this.sending;
    clearTimeout(timer);
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.sending ??= this.drain().finally(() => (this.sending = undefined));
  }

  /** One batch after the other until nothing waits. */
  private async drain(): Promise<void> {
    while (this.queue.length > 0) {
      const batch = this.queue.splice(0, maxBatchSpans);
      const sent = await this.send(exportBody(batch, this.options.resource));
      this.spans.add({ outcome: sent ? "sent" : "dropped" }, batch.length);
      this.logChange(sent);
    }
  }

  private async send(body: string): Promise<boolean> {
    const { retryMs = 500 } = this.options;
    for (let attempt = 0; attempt < maxAttempts && !this.closing.signal.aborted; attempt++) {
      const outcome = await this.post(body);
      if (outcome !== "retry") return outcome === "sent";
      await pause(retryMs * 2 ** attempt, undefined, { ref: false, signal: this.closing.signal }).catch(
        () => undefined,
      );
    }
    return false;
  }

  private async post(body: string): Promise<SendResult> {
    try {
      const response = await fetch(this.url, {
        method: "POST",
        headers: { ...this.options.headers, "content-type": "application/json" },
        body,
        redirect: "error",
        signal: AbortSignal.any([this.closing.signal, AbortSignal.timeout(timeoutMs)]),
      });
      await response.body?.cancel();
      if (response.ok) return "sent";
      this.reason = `the collector answered ${response.status}`;
      return retryableStatuses.has(response.status) ? "retry" : "refused";
    } catch (error) {
      this.reason = networkReason(error);
      return "retry";
    }
  }

  /** Logs one line when sending begins to fail and one when it works again. */
  private logChange(sent: boolean): void {
    if (sent === this.healthy) return;
    this.healthy = sent;
    const collector = placeOf(this.url);
    const { log } = this.options;
    if (sent) log.info({ collector }, "traces reach the collector again");
    else log.warn({ collector, reason: this.reason }, "traces do not reach the collector and are dropped");
  }
}

function tracesUrl(url: string): string {
  const base = url.replace(/\/+$/, "");
  return base.endsWith("/v1/traces") ? base : `${base}/v1/traces`;
}

/** An address without credentials and query. */
function placeOf(address: string): string {
  const { origin, pathname } = new URL(address);
  return origin + pathname;
}

/** The code of what `fetch` threw (`ECONNREFUSED`), else its words: nothing of a span is in them. */
function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return code === "" ? error.message : code;
}
