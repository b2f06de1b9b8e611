import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createLog, type Log } from "../../src/telemetry/log.ts";

/** A log at level debug whose lines are kept as they would be written. */
export class LogRecord {
  readonly lines: string[] = [];
  readonly log: Log = createLog("debug", { write: (line) => void this.lines.push(line) });

  text(): string {
    return this.lines.join("");
  }

  /** Lines with this message, in order. */
  of(message: string): Record<string, unknown>[] {
    const parsed = this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    return parsed.filter((line) => line["msg"] === message);
  }
}

interface WireValue {
  stringValue?: string;
  intValue?: string;
  doubleValue?: number;
  boolValue?: boolean;
  arrayValue?: { values: WireValue[] };
}

export interface WireSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: WireValue }[];
  status: { code?: number };
}

interface WireBody {
  resourceSpans: {
    resource: { attributes: WireSpan["attributes"] };
    scopeSpans: { scope: { name: string }; spans: WireSpan[] }[];
  }[];
}

/** A collector that keeps what it is sent. `statuses` are answered in turn, then 200; 0 answers nothing at all. */
export async function startCollector(statuses: number[] = []) {
  const bodies: string[] = [];
  const requests: { path: string | undefined; headers: Record<string, unknown> }[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      requests.push({ path: request.url, headers: request.headers });
      const status = statuses.shift() ?? 200;
      if (status === 200) bodies.push(Buffer.concat(pieces).toString());
      if (status !== 0) response.writeHead(status, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    text: () => bodies.join("\n"),
    resources: () => parsed(bodies).map(({ resource }) => attributesOf(resource)),
    spans: () => parsed(bodies).flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function parsed(bodies: readonly string[]): WireBody["resourceSpans"] {
  return bodies.flatMap((body) => (JSON.parse(body) as WireBody).resourceSpans);
}

export function attributesOf({ attributes }: Pick<WireSpan, "attributes">): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
}

function plain(value: WireValue): unknown {
  if (value.intValue !== undefined) return Number(value.intValue);
  if (value.arrayValue !== undefined) return value.arrayValue.values.map(plain);
  return value.stringValue ?? value.doubleValue ?? value.boolValue;
}

/** Waits until something is so; fails after five seconds. */
export async function until(what: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!what()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${String(what)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
