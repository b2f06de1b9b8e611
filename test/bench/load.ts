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

/** Asks again and again over so many connections for so long. Throws when an answer is not 200. */
export async function load(target: Target, connections: number, milliseconds: number): Promise<Load> {
  const pool = new Pool(target.url, { connections, pipelining: 1 });
  try {
    await hammer(pool, target, { connections, milliseconds: milliseconds / 4 });
    return await hammer(pool, target, { connections, milliseconds });
  } finally {
    await pool.close();
  }
}

async function hammer(pool: Pool, target: Target, span: { connections: number; milliseconds: number }): Promise<Load> {
  const body = JSON.stringify(target.body);
  const headers = { "content-type": "application/json", authorization: `Bearer ${benchKey}` };
  const firsts: number[] = [];
  let bytes = 0;
  const started = performance.now();
  const worker = async (): Promise<void> => {
    while (performance.now() - started < span.milliseconds) {
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
