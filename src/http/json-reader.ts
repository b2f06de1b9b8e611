import { isUtf8 } from "node:buffer";
import { nestsDeeper } from "../lib/json-scanner/depth.ts";
import { JsonFault } from "../lib/json-scanner/fault.ts";
import { parseJsonSteps } from "../lib/json-scanner/parse.ts";
import { maxStringUnits } from "../lib/long-text.ts";
import type { Steps, TimeSlices } from "../lib/time-slices.ts";
import { invalid } from "../model/error.ts";

export interface JsonReaderOptions {
  slices: TimeSlices;
  /** Most values of one text, those in objects and arrays included. */
  maxValues: number;
}

/** Deeper JSON than this is refused: no real request needs it, and recursive readers must not meet it. */
const maxDepth = 256;
/** Up to here all is read at once: it takes a few milliseconds, whatever it holds. */
const smallBytes = 256 * 1024;
/** Bytes that are copied in one step. */
const joinBytes = 256 * 1024;
const empty = Buffer.alloc(0);
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** Reads the JSON that callers send, over HTTP and WebSockets alike; large texts in slices, so that no one else waits for them. */
export class JsonReader {
  private readonly options: JsonReaderOptions;

  constructor(options: JsonReaderOptions) {
    this.options = options;
  }

  /** All pieces as one. The list is empty afterwards: no one else shall hold what may be 60 MB. */
  async join(pieces: Buffer[], signal?: AbortSignal, owner?: string): Promise<Buffer> {
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    if (size > smallBytes) return this.options.slices.run(joinSteps(pieces, size), signal, owner);
    return pieces.length === 1 ? (pieces.pop() ?? empty) : Buffer.concat(pieces.splice(0), size);
  }

  /**
   * The value of UTF-8 bytes in pieces, whose list is empty afterwards; `name` stands for them in errors. `owner`: whose work
   * it is. Throws `ParleyError` of kind `invalid`.
   */
  async parse(pieces: Buffer[], name: string, signal?: AbortSignal, owner?: string): Promise<unknown> {
    const { slices, maxValues } = this.options;
    const sent = await this.join(pieces, signal, owner);
    if (!isUtf8(sent)) throw invalid(name, "is not valid UTF-8");
    const bytes = sent.subarray(0, 3).equals(byteOrderMark) ? sent.subarray(3) : sent;
    // a value takes at least one byte
    if (bytes.length <= Math.min(smallBytes, maxValues)) return readSmall(bytes.toString(), name);
    try {
      const bounds = { depth: maxDepth, values: maxValues, stringUnits: maxStringUnits };
      return await slices.run(parseJsonSteps(bytes, bounds), signal, owner);
    } catch (thrown) {
      if (thrown instanceof JsonFault) throw invalid(name, problem(thrown, maxValues));
      throw thrown;
    }
  }
}

/** All pieces as one, each let go when it is copied; new memory costs much more time than the copying. */
function* joinSteps(pieces: Buffer[], size: number): Steps<Buffer> {
  if (pieces.length === 1) return pieces.pop() ?? empty;
  const whole = Buffer.allocUnsafe(size);
  let at = 0;
  for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
    for (let from = 0; from < piece.length; from += joinBytes) {
      at += piece.copy(whole, at, from, from + joinBytes);
      yield;
    }
  }
  return whole;
}

function readSmall(text: string, name: string): unknown {
  if (nestsDeeper(text, maxDepth)) throw invalid(name, depthProblem);
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(name, "is not valid JSON");
  }
}

const depthProblem = `is nested deeper than ${maxDepth} levels`;

function problem({ kind }: JsonFault, maxValues: number): string {
  if (kind === "depth") return depthProblem;
  if (kind === "values") return `holds more than ${maxValues} values`;
  return kind === "key" ? "holds a name of more than 65536 characters" : "is not valid JSON";
}
