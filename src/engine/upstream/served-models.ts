import { type ParleyError, plainError } from "../../model/error.ts";
import { listedModels } from "./dialect/dialect.ts";

/** A list that does not hold a name is read again after this long. */
const staleMs = 5_000;
/** Names of a list that an error quotes. */
const maxQuoted = 8;
/** Longer lists are a gateway's; what stands behind this is not looked at. */
const maxNames = 10_000;

/** What a server lists at `models`; `undefined` where it has no such list. */
export type AskModels = () => Promise<unknown>;

/**
 * The model names of one server, so that a request under the vendor's name reaches a server that calls the model by its
 * own: vLLM by default by the repository (`MiniMaxAI/MiniMax-M2.7`), Ollama by a tag. The list is read once and again
 * where a name is missing in it.
 */
export class ServedModels {
  // fixed at birth
  private readonly ask: AskModels;
  // changed by events
  /** Names as the server lists them; empty where it lists none. Set by `learn`. */
  private names: readonly string[] | undefined;
  /** The same by all forms in which they are asked for; every request looks here. Set with the names. */
  private index: ReadonlyMap<string, string> = new Map();
  /** `performance.now()` of the last answer. */
  private readAt = 0;
  /** A question under way, shared by those who wait for it. */
  private asking: Promise<void> | undefined;

  constructor(ask: AskModels) {
    this.ask = ask;
  }

  /** Names in the order of the list; empty before `learn` and where the server lists none. */
  get known(): readonly string[] {
    return this.names ?? [];
  }

  /** Reads the list. Never rejects: a server that cannot be asked keeps what is known. */
  learn(): Promise<void> {
    this.asking ??= this.read().finally(() => (this.asking = undefined));
    return this.asking;
  }

  /**
   * The server's name for a model: the same, the same without regard to case, the same behind an owner
   * (`owner/name`), or the only one there is. Else the name is sent as it is: gateways serve names that they do not list.
   */
  async nameOf(asked: string): Promise<string> {
    const known = this.find(asked);
    if (known !== undefined) return known;
    if (this.names === undefined) await this.learn();
    else if (performance.now() - this.readAt > staleMs) void this.learn();
    const [first, second] = this.known;
    return this.find(asked) ?? (first === undefined || second !== undefined ? asked : first);
  }

  /** The error for a name that the server does not know, in the place of `error`, where its list shows what it has. */
  explain(error: ParleyError, asked: string): ParleyError {
    const { known } = this;
    if (known.length === 0 || this.find(asked) !== undefined) return error;
    const more = known.length > maxQuoted ? `, and ${known.length - maxQuoted} more` : "";
    const names = known.slice(0, maxQuoted).join(", ") + more;
    const message = `the engine has no model '${asked.slice(0, 200)}'; it serves ${names}. Set models.<name>.model or --model to one of them`;
    return plainError("upstream", message, { cause: error.cause });
  }

  private find(asked: string): string | undefined {
    return this.index.get(asked) ?? this.index.get(asked.toLowerCase());
  }

  private async read(): Promise<void> {
    try {
      this.names = namesIn(await this.ask());
      this.index = indexOf(this.names);
      this.readAt = performance.now();
    } catch {
      // what cannot be asked now answers requests with its own error
    }
  }
}

/** The ids of a list of models. */
function namesIn(listing: unknown): string[] {
  const ids = listedModels(listing).map((row) => row["id"]);
  return ids.slice(0, maxNames).filter((id): id is string => typeof id === "string" && id !== "");
}

/** Each name by itself, and in lower case by itself and behind each slash; the first of several stays. */
function indexOf(names: readonly string[]): ReadonlyMap<string, string> {
  const forms = [
    (name: string) => [name],
    (name: string) => [name.toLowerCase()],
    (name: string) => slashTails(name.toLowerCase()),
  ];
  const entries = forms.flatMap((formsOf) =>
    names.flatMap((name) => formsOf(name).map((form) => [form, name] as const)),
  );
  // the last of several stays in a map
  return new Map(entries.toReversed());
}

/** What stands behind each slash: `b/c` and `c` of `a/b/c`. */
function slashTails(name: string): string[] {
  const parts = name.split("/");
  return parts.slice(1).map((_, at) => parts.slice(at + 1).join("/"));
}
