import { isUtf8 } from "node:buffer";
import { JsonFault } from "../../../lib/json-scanner/fault.ts";
import { parseJsonSteps } from "../../../lib/json-scanner/parse.ts";
import { ParleyError } from "../../../model/error.ts";
import type { OpenAnswer } from "../wire/client.ts";
import { maxDepth, objectChunk, parseChunk, type Chunk } from "./chunk.ts";

/** Of an answer that is no stream: of a million tokens, twice over, in the longest writing of each character. */
const maxBodyBytes = 32 * 1024 * 1024;
/** Up to here a body is parsed at once: it takes a few milliseconds, whatever it holds. */
const smallBytes = 256 * 1024;
/** Values of a body; a thousand calls have some thousands. */
const maxValues = 500_000;

/** The value of an answer that is no stream; a large one is parsed in steps. Throws `upstream`. `held`: what was read of it. */
export async function readBody(answer: OpenAnswer, held: readonly Uint8Array[]): Promise<Chunk> {
  const reads = [...held];
  let size = reads.reduce((sum, { length }) => sum + length, 0);
  for (let bytes = await answer.next(); bytes !== undefined; bytes = await answer.next()) {
    reads.push(bytes);
    size += bytes.length;
    if (size > maxBodyBytes) throw new ParleyError("upstream", "the upstream's answer has no end");
  }
  const [only] = reads;
  const whole = reads.length === 1 && only !== undefined ? only : Buffer.concat(reads);
  // a byte order mark is left out
  if (size <= smallBytes) return parseChunk(new TextDecoder().decode(whole));
  return parseLarge(whole, answer);
}

async function parseLarge(whole: Uint8Array, { slices }: OpenAnswer): Promise<Chunk> {
  const start = whole[0] === 0xef ? 3 : 0;
  const bytes = Buffer.from(whole.buffer, whole.byteOffset + start, whole.byteLength - start);
  try {
    if (!isUtf8(bytes)) throw new JsonFault("syntax");
    const bounds = { depth: maxDepth, values: maxValues, stringUnits: Infinity };
    return objectChunk(await slices.run(parseJsonSteps(bytes, bounds)));
  } catch (cause) {
    if (!(cause instanceof JsonFault)) throw cause;
    throw new ParleyError("upstream", "the upstream sent an answer that cannot be parsed", { cause });
  }
}
