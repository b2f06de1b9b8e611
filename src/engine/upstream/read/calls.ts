import { ParleyError } from "../../../model/error.ts";
import { isObject } from "../../../model/json.ts";
import { ArgumentText } from "./arguments.ts";
import type { Emit, Piece, Stage, StageContext } from "./piece.ts";
import type { Repairs } from "./repair.ts";

interface Call {
  index: number;
  /** The upstream's id, `""` while none came. */
  id: string;
  name: string;
  /** Arguments that came before the call's turn. */
  held: string;
  args: ArgumentText;
  /** Reads along what is held: whether it is complete shows which call a name belongs to. */
  ahead: ArgumentText;
  /** Characters of all its arguments. */
  size: number;
  state: "waiting" | "open" | "closed";
  /** An entry has named the call once more after its JSON was complete: what follows is another call. */
  again: boolean;
}

/** One entry of `tool_calls` in a delta, whatever is missing in it. */
interface Entry {
  index: number | undefined;
  id: string;
  name: string;
  args: string;
}

/** Calls of one answer, and characters of one call's arguments; no model's answer comes near. */
const maxCalls = 1_000;
const maxArgumentChars = 8 * 1024 * 1024;
/** Characters of a whole answer. */
const maxAnswerChars = 64 * 1024 * 1024;

/** Beginning of ids the vendor makes (samples of its OpenAI-compatible chat page); other servers' ids are replaced, so that the wire is the vendor's. */
const vendorId = "call_function_";

/**
 * The stage for tool calls, with the rules `call-order`, `call-name`, `call-id` and `call-arguments`. Events of calls
 * never overlap: one call is emitted while later ones wait, and so do content and reasoning that came behind its start;
 * each is emitted in its place. A call is over when its JSON is and something else begins, or when the stream is. Linear in
 * what comes. Throws `upstream` at a call that cannot be repaired, and at an answer without end.
 */
export class ToolCalls {
  // fixed at birth
  private readonly emit: Emit;
  private readonly repairs: Repairs;
  private readonly callId: () => string;
  // changed by events
  /** In the order in which they began. */
  private readonly calls: Call[] = [];
  /** The newest call of each number. */
  private readonly byIndex = new Map<number, Call>();
  /** Characters of content and reasoning. */
  private answerChars = 0;
  /** Calls that are not closed, and the content and reasoning that came behind the start of one, in their order. */
  private readonly queue: (Call | Piece)[] = [];
  /** Ids of the upstream that were used. */
  private readonly ids = new Set<string>();
  /** The call that the newest entry belongs to. */
  private last: Call | undefined;

  constructor(emit: Emit, { repairs, callId }: Pick<StageContext, "repairs" | "callId">) {
    this.emit = emit;
    this.repairs = repairs;
    this.callId = callId;
  }

  /** Whether one of these calls has begun and is not closed. */
  get open(): boolean {
    return this.calls.some((call) => call.state === "open");
  }

  /** Whether the arguments of a call are not complete. */
  get incomplete(): boolean {
    return this.calls.some((call) => call.state !== "closed" && !call.args.complete);
  }

  accept(piece: Piece): void {
    if (piece.type === "content" || piece.type === "reasoning-field") this.answerChars += piece.text.length;
    if (this.answerChars > maxAnswerChars) throw new ParleyError("upstream", "the upstream's answer has no end");
    if (piece.type === "tool-calls") return this.feed(piece.entries);
    if (piece.type === "end") this.end(piece.truncated);
    else this.advance(true);
    if (this.queue.length === 0) this.emit(piece);
    else this.queue.push(piece);
  }

  private feed(entries: readonly unknown[]): void {
    for (const value of entries) {
      const entry = readEntry(value);
      if (entry !== undefined) this.one(entry);
    }
  }

  private end(truncated: boolean): void {
    for (const next of this.queue.splice(0)) {
      if ("type" in next) this.emit(next);
      else if (next.state === "open" || this.begin(next)) this.close(next, truncated);
      else if (!truncated) throw new ParleyError("upstream", "the upstream's tool call has no name");
    }
  }

  private one(entry: Entry): void {
    const same = this.find(entry);
    const call = same === undefined || this.startsAnother(same, entry) ? this.add(entry, same) : same;
    this.last = call;
    if (call.id === "") call.id = entry.id;
    if (call.name === "" && entry.name !== "") {
      call.name = entry.name;
      if (call.held !== "") this.repairs.fired("call-name");
    }
    call.size += entry.args.length;
    if (call.size > maxArgumentChars) {
      throw new ParleyError("upstream", "the upstream sent arguments of a tool call without end");
    }
    if (call.state === "open") this.push(call, entry.args);
    else if (call.state === "waiting") {
      call.held += entry.args;
      call.ahead.feed(entry.args);
    } else if (entry.args.trim() !== "") this.repairs.fired("call-arguments");
    this.advance(false);
  }

  private find(entry: Entry): Call | undefined {
    return entry.index === undefined ? this.last : this.byIndex.get(entry.index);
  }

  /**
   * Whether the entry begins a new call although its number is that of a call. Some servers number every call 0, or not
   * at all, and some repeat ids: a name together with a new id is a new call, so is a name where nothing else
   * distinguishes calls, and so is a name behind complete JSON.
   */
  private startsAnother(same: Call, entry: Entry): boolean {
    const ids = entry.id !== "" && same.id !== "";
    const unmarked = !ids && same.name !== "" && (entry.index === undefined || isComplete(same));
    const named = entry.name !== "" && (ids ? entry.id !== same.id : unmarked);
    if (!(named || this.repeats(same, entry)) || !this.repairs.on("call-order")) return false;
    this.repairs.fired("call-order");
    return true;
  }

  /** Behind complete JSON the name comes once more. The same name without arguments only may be the start of a call. */
  private repeats(same: Call, entry: Entry): boolean {
    const hasArgs = entry.args.trim() !== "";
    if (same.again && hasArgs) return true;
    if (entry.name === "" || same.name === "" || !isComplete(same)) return false;
    same.again = true;
    return hasArgs || entry.name !== same.name;
  }

  /** `same`: the call that the entry repeats, which may be the only one to name it. */
  private add(entry: Entry, same?: Call): Call {
    const index = entry.index ?? this.calls.length;
    if (entry.index === undefined || index > this.calls.length) this.repairs.fired("call-order");
    const name = entry.name === "" && same?.again === true ? same.name : entry.name;
    if (this.calls.length >= maxCalls) {
      throw new ParleyError("upstream", `the upstream sent more than ${maxCalls} tool calls in one answer`);
    }
    const [args, ahead] = [new ArgumentText(), new ArgumentText()];
    const call: Call = { index, id: entry.id, name, held: "", args, ahead, size: 0, state: "waiting", again: false };
    this.calls.push(call);
    this.byIndex.set(index, call);
    this.queue.push(call);
    return call;
  }

  /**
   * Emits what is at the head of the queue, up to a call that is not over: one without a name, with incomplete JSON, or
   * with nothing behind it (`followed`: something comes behind it now).
   */
  private advance(followed: boolean): void {
    let count = 0;
    for (const next of this.queue) {
      if ("type" in next) this.emit(next);
      else if (next.state === "waiting" && !this.begin(next)) break;
      else if (!next.args.complete || !(followed || count + 1 < this.queue.length)) break;
      else this.close(next, false);
      count += 1;
    }
    this.queue.splice(0, count);
  }

  private begin(call: Call): boolean {
    if (call.name === "") return false;
    call.state = "open";
    this.emit({ type: "call-boundary" });
    this.emit({ type: "call-start", id: this.idFor(call), name: call.name });
    const held = call.held;
    call.held = "";
    this.push(call, held);
    return true;
  }

  private idFor(call: Call): string {
    if (call.id.startsWith(vendorId) && !this.ids.has(call.id)) {
      this.ids.add(call.id);
      return call.id;
    }
    if (call.id === "" || this.ids.has(call.id)) this.repairs.fired("call-id");
    this.ids.add(call.id);
    return this.callId();
  }

  private push(call: Call, piece: string): void {
    const certain = call.args.feed(piece);
    const repairing = this.repairs.on("call-arguments");
    this.emit({ type: "call-delta", args: repairing ? certain : piece });
    if (repairing && call.args.broken) throw broken(call);
  }

  private close(call: Call, truncated: boolean): void {
    call.state = "closed";
    if (this.repairs.on("call-arguments") && !truncated) {
      const rest = call.args.end();
      if (rest === undefined) throw broken(call);
      this.emit({ type: "call-delta", args: rest });
      if (call.args.repaired) this.repairs.fired("call-arguments");
    }
    this.emit({ type: "item-end" });
  }
}

/** Whether the arguments that came are a whole object. */
function isComplete({ state, ahead, args }: Call): boolean {
  return state === "waiting" ? ahead.complete : args.complete;
}

function broken(call: Call): ParleyError {
  return new ParleyError(
    "upstream",
    `the model wrote arguments for '${call.name.slice(0, 100)}' that are not valid JSON`,
  );
}

function readEntry(value: unknown): Entry | undefined {
  if (!isObject(value)) return undefined;
  const called = isObject(value["function"]) ? value["function"] : {};
  const { index, id } = value;
  const { name, arguments: args } = called;
  return {
    index: typeof index === "number" ? index : undefined,
    id: typeof id === "string" ? id : "",
    name: typeof name === "string" ? name : "",
    args: typeof args === "string" ? args : isObject(args) ? JSON.stringify(args) : "",
  };
}

/**
 * Drops calls beyond the most that the request allows: not every server heeds `parallel_tool_calls: false` and
 * `tool_choice: "none"`. Arguments that follow a dropped call's start belong to no call, so the builder drops them.
 */
export const callLimit: Stage =
  (emit, { answer, maxCalls }) =>
  (piece) => {
    if (piece.type === "call-start" && answer.callCount >= maxCalls) emit({ type: "item-end" });
    else emit(piece);
  };
