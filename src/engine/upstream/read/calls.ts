import type { EventBuilder } from "../../../model/event-builder.ts";
import { ParleyError } from "../../../model/error.ts";
import { isObject } from "../../../model/json.ts";
import { ArgumentText } from "./arguments.ts";
import type { Repairs } from "./repair.ts";

interface Call {
  index: number;
  /** The upstream's id, `""` while none came. */
  id: string;
  name: string;
  /** Arguments that came before the call's turn. */
  held: string;
  args: ArgumentText;
  state: "waiting" | "open" | "closed";
}

/** One entry of `tool_calls` in a delta, whatever is missing in it. */
interface Piece {
  index: number | undefined;
  id: string;
  name: string;
  args: string;
}

/** Ids the vendor makes (spec sheet 2.1); other servers' ids are replaced, so that the wire is the vendor's. */
const vendorId = "call_function_";

/**
 * Puts the pieces of tool calls in order: events of calls never overlap, so one call is told while later ones wait.
 * A call is over when its JSON is and something else begins, or when the stream is.
 */
export class CallAssembly {
  // fixed at birth
  private readonly out: EventBuilder;
  private readonly repairs: Repairs;
  private readonly callId: () => string;
  // changed by events
  private readonly calls: Call[] = [];
  private readonly ids = new Set<string>();
  private last: Call | undefined;

  constructor(out: EventBuilder, repairs: Repairs, callId: () => string) {
    this.out = out;
    this.repairs = repairs;
    this.callId = callId;
  }

  /** Whether any call was begun. */
  get any(): boolean {
    return this.calls.length > 0;
  }

  /** Whether the arguments of a call are not whole. */
  get incomplete(): boolean {
    return this.calls.some((call) => call.state !== "closed" && !call.args.complete);
  }

  /** Other content wants to follow: ends calls whose JSON is complete. False while one is not and content must wait. */
  settle(): boolean {
    this.advance(true);
    return this.calls.every((call) => call.state === "closed");
  }

  /** Takes `delta.tool_calls`. */
  feed(entries: readonly unknown[]): void {
    for (const entry of entries) {
      const piece = readPiece(entry);
      if (piece !== undefined) this.one(piece);
    }
  }

  /** Takes the legacy `delta.function_call`. */
  feedLegacy(entry: unknown): void {
    this.feed([{ index: 0, function: entry }]);
  }

  /** The stream is over. `cut`: by the token limit, so that half a call is the truth. */
  end(cut: boolean): void {
    for (const call of this.calls) {
      if (call.state === "closed") continue;
      if (call.state === "waiting" && !this.begin(call)) {
        if (cut) return;
        throw new ParleyError("upstream", "the upstream's tool call has no name");
      }
      this.close(call, cut);
    }
  }

  private one(piece: Piece): void {
    const call = this.find(piece) ?? this.add(piece);
    this.last = call;
    if (call.id === "") call.id = piece.id;
    if (call.name === "" && piece.name !== "") {
      call.name = piece.name;
      if (call.held !== "") this.repairs.fired("call-name");
    }
    if (call.state === "open") this.push(call, piece.args);
    else if (call.state === "waiting") call.held += piece.args;
    else if (piece.args.trim() !== "") this.repairs.fired("call-arguments");
    this.advance(false);
  }

  private find(piece: Piece): Call | undefined {
    const same = piece.index === undefined ? this.last : this.calls.findLast((call) => call.index === piece.index);
    if (same === undefined) return undefined;
    // Some servers number every call 0, or not at all: a name together with a new id is a new call, and so is a name
    // where nothing else tells calls apart.
    const ids = piece.id !== "" && same.id !== "";
    const unmarked = !ids && same.name !== "" && (piece.index === undefined || same.args.complete);
    const another = piece.name !== "" && (ids ? piece.id !== same.id : unmarked);
    if (!another || !this.repairs.on("call-order")) return same;
    this.repairs.fired("call-order");
    return undefined;
  }

  private add(piece: Piece): Call {
    const index = piece.index ?? this.calls.length;
    if (piece.index === undefined || index > this.calls.length) this.repairs.fired("call-order");
    const call: Call = { index, id: piece.id, name: piece.name, held: "", args: new ArgumentText(), state: "waiting" };
    this.calls.push(call);
    return call;
  }

  /** Ends complete calls that have a follower (`all`: or none) and begins the next that has a name. */
  private advance(all: boolean): void {
    for (const call of this.calls) {
      if (call.state === "closed") continue;
      if (call.state === "waiting" && !this.begin(call)) return;
      const followed = all || call !== this.calls.at(-1);
      if (!call.args.complete || !followed) return;
      this.close(call, false);
    }
  }

  private begin(call: Call): boolean {
    if (call.name === "") return false;
    call.state = "open";
    this.out.callStart(this.idFor(call), call.name);
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
    this.out.callDelta(repairing ? certain : piece);
    if (repairing && call.args.broken) throw broken(call);
  }

  private close(call: Call, cut: boolean): void {
    call.state = "closed";
    if (this.repairs.on("call-arguments") && !cut) {
      const rest = call.args.end();
      if (rest === undefined) throw broken(call);
      this.out.callDelta(rest);
      if (call.args.repaired) this.repairs.fired("call-arguments");
    }
    this.out.close();
  }
}

function broken(call: Call): ParleyError {
  return new ParleyError(
    "upstream",
    `the model wrote arguments for '${call.name.slice(0, 100)}' that are not valid JSON`,
  );
}

function readPiece(entry: unknown): Piece | undefined {
  if (!isObject(entry)) return undefined;
  const called = isObject(entry["function"]) ? entry["function"] : {};
  const { index, id } = entry;
  const { name, arguments: args } = called;
  return {
    index: typeof index === "number" ? index : undefined,
    id: typeof id === "string" ? id : "",
    name: typeof name === "string" ? name : "",
    args: typeof args === "string" ? args : isObject(args) ? JSON.stringify(args) : "",
  };
}
