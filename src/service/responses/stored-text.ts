import { JsonFault, type JsonBounds } from "../../lib/json-scanner/fault.ts";
import { parseJsonSteps, parseTextSteps } from "../../lib/json-scanner/parse.ts";
import { jsonSteps } from "../../lib/json-scanner/write.ts";
import type { Steps, TimeSlices } from "../../lib/time-slices.ts";
import type { StoredText } from "../../store/store.ts";

/** What is stored was bounded when it was received. */
const unbounded: JsonBounds = { depth: Infinity, values: Infinity, stringUnits: Infinity };

/** The JSON text of a value in pieces, each written when it is taken: as a whole it is never in memory. */
export async function* jsonPieces(value: unknown, slices: TimeSlices): AsyncGenerator<string> {
  const ready: string[] = [];
  const steps = jsonSteps(value, { piece: (text) => ready.push(text) });
  for (let step = steps.next(); step.done !== true; step = steps.next()) {
    yield* ready.splice(0);
    await slices.pause();
  }
  yield* ready;
}

/** The same in a list, for what is stored later or more than once. */
export function* jsonTexts(value: unknown): Steps<string[]> {
  const texts: string[] = [];
  yield* jsonSteps(value, { piece: (text) => texts.push(text) });
  return texts;
}

/** The value of a stored text; `undefined` where it is no JSON. */
export async function parseStored(text: StoredText, slices: TimeSlices): Promise<unknown> {
  if (text.loaded !== undefined) return slices.run(parseTextSteps(text.loaded));
  const bytes = Buffer.allocUnsafe(text.bytes);
  let at = 0;
  for await (const chunk of text.chunks()) at += chunk.copy(bytes, at);
  return parseBytes(bytes.subarray(0, at), slices);
}

/** The value of a JSON text that this server wrote; `undefined` where it is no JSON. */
export async function parseBytes(bytes: Buffer, slices: TimeSlices): Promise<unknown> {
  try {
    return await slices.run(parseJsonSteps(bytes, unbounded));
  } catch (thrown) {
    if (thrown instanceof JsonFault) return undefined;
    throw thrown;
  }
}
