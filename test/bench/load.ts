import { Pool } from "undici";
import { benchKey } from "./child.ts";
import { median, percentile } from "./row.ts";

export interface Target {
  url: string;
  path: string;
  body: unknown;
}

export interface Load {
  perSecond: number;
  /** Milliseconds to the first byte of a body. */
  firstByte: { median: number; p99: number };
  /** Bytes of the last body. */
  bytes: number;
}

/** Asks again and again over so many connections for so long, after a quarter of that to warm up. */
export async function load(target: Target, connections: number, milliseconds: number): Promise<Load> {
  const pool = new Pool(target.url, { connections, pipelining: 1 });
  try {
    await hammer(pool, target, { connections, milliseconds: milliseconds / 4 });
    return await hammer(pool, target, { connections, milliseconds });
  } finally {
    await pool.close();
  }
}

/** Until when is asked: for a time, or until there are so many answers. */
export type Span = { connections: number } & ({ milliseconds: number } | { requests: number });

/** Asks again and again with so many requests at once. Throws when an answer is not 200. */
export async function hammer(pool: Pool, target: Pick<Target, "path" | "body">, span: Span): Promise<Load> {
  const body = JSON.stringify(target.body);
  const headers = { "content-type": "application/json", authorization: `Bearer ${benchKey}` };
  const firsts: number[] = [];
  let bytes = 0;
  const started = performance.now();
  let begun = 0;
  const goesOn = (): boolean =>
    "requests" in span ? begun++ < span.requests : performance.now() - started < span.milliseconds;
  const worker = async (): Promise<void> => {
    while (goesOn()) {
      const asked = performance.now();
      const answer = await pool.request({ method: "POST", path: target.path, headers, body });
      if (answer.statusCode !== 200)
        throw new Error(`${target.path}: ${answer.statusCode} ${await answer.body.text()}`);
      let read = 0;
      for await (const piece of answer.body as AsyncIterable<Buffer>) {
        if (read === 0) firsts.push(performance.now() - asked);
        read += piece.length;
      }
      bytes = read;
    }
  };
  await Promise.all(Array.from({ length: span.connections }, worker));
  const seconds = (performance.now() - started) / 1000;
  return {
    perSecond: firsts.length / seconds,
    firstByte: { median: median(firsts), p99: percentile(firsts, 0.99) },
    bytes,
  };
}
