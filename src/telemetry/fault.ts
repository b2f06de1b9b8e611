/** An error as a log line shows it. */
export interface Fault {
  /** The error's class. */
  type: string;
  /** Our own kind (`model/error.ts`). */
  kind?: string;
  /** A code such as `ECONNREFUSED`. */
  code?: string;
  /** Where it was thrown: lines of the stack, without the message. */
  frames?: readonly string[];
  cause?: Fault;
}

const maxFrames = 12;
const maxCauses = 4;
/** Names and codes are identifiers; a text that does not look like one could be a caller's. */
const identifier = /^[\w.:-]{1,64}$/;

/**
 * An error without its message: that may quote what was asked or answered (an upstream repeats the prompt, `JSON.parse`
 * repeats what it read, a database repeats values). What is left are names, codes and places in the code.
 */
export function faultOf(thrown: unknown, depth = 0): Fault {
  if (!(thrown instanceof Error)) return { type: typeof thrown };
  const { kind, code } = thrown as { kind?: unknown; code?: unknown };
  const frames = depth === 0 ? framesOf(thrown) : [];
  return {
    type: identifier.test(thrown.name) ? thrown.name : "Error",
    ...(typeof kind === "string" && identifier.test(kind) ? { kind } : {}),
    ...(typeof code === "string" && identifier.test(code) ? { code } : {}),
    ...(frames.length > 0 ? { frames } : {}),
    ...(thrown.cause === undefined || depth >= maxCauses ? {} : { cause: faultOf(thrown.cause, depth + 1) }),
  };
}

/** None where the stack does not hold the message as it is: then it is unknown where the message ends. */
function framesOf({ stack = "", message }: Error): string[] {
  const at = stack.indexOf(message);
  if (at < 0) return [];
  return stack
    .slice(at + message.length)
    .split("\n")
    .filter((line) => line.startsWith("    at "))
    .slice(0, maxFrames)
    .map((line) => line.trim());
}
