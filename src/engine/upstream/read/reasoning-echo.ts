import type { Stage } from "./piece.ts";

/**
 * The rule `thought-twice` between fields: reasoning that comes in its field and in content is kept once, and in one
 * piece, however the two are chunked. Whichever is ahead is emitted, and the other one is dropped as long as it repeats
 * it; white space does not count. Where it says something else, all of it since the two last agreed is emitted.
 *
 * Also ends the reasoning of the field, as late as something else follows.
 */
export const reasoningEcho: Stage = (emit, { repairs }) => {
  const mirror = new Mirror(repairs.on("thought-twice"));
  /** What the last emitted piece belongs to: the field's reasoning, content's own reasoning, or anything else. */
  let open: "field" | "content" | "other" = "other";
  /** The reasoning field has had something. */
  let fieldUsed = false;
  /** White space at the end of what content has said, where there is a field too: it counts only where more follows. */
  let gap = "";

  const endReasoning = (): void => {
    if (open === "field") emit({ type: "reasoning-end", truncated: false });
    if (open === "content") emit({ type: "item-end" });
    open = "other";
    gap = "";
  };

  const put = (source: Source, text: string): void => {
    const direct = open === "content" || (source === "content" && (!fieldUsed || mirror.diverged));
    const whole = gap + text;
    const end = fieldUsed && (direct || source === "content") ? whole.trimEnd().length : whole.length;
    gap = whole.slice(end);
    if (end === 0) return;
    open = direct ? "content" : "field";
    emit({ type: direct ? "reasoning" : "reasoning-field", text: whole.slice(0, end) });
  };

  const read = (source: Source, text: string): void => {
    if (source === "field") fieldUsed = true;
    const alike = !mirror.diverged;
    const ahead = mirror.read(source, text);
    if (ahead === undefined) return repairs.fired("thought-twice");
    if (mirror.diverged && (alike || open !== source)) endReasoning();
    put(source, ahead);
  };

  return (piece) => {
    if (piece.type === "reasoning-field") return read("field", piece.text);
    if (piece.type === "reasoning") return read("content", piece.text);
    // content's reasoning that is an echo has no item of its own
    if (piece.type === "item-end" && open === "field") return;
    if (piece.type === "text" || piece.type === "call-start") endReasoning();
    else if (piece.type === "item-end" || piece.type === "reasoning-end") open = "other";
    emit(piece);
  };
};

type Source = "field" | "content";

/** Compares two sources that may say the same, in pieces of any size. Linear in what they say. */
class Mirror {
  // changed by events
  /** One of the two has said something that the other has not, or they are not compared. */
  diverged: boolean;
  /** Who has said more. */
  private leader: Source = "field";
  /** What the leader has said and the other has not; read from `at` of the first one. */
  private queue: string[] = [];
  private first = 0;
  private at = 0;
  /** What the follower has repeated since the two last agreed. */
  private repeated: string[] = [];

  constructor(compares: boolean) {
    this.diverged = !compares;
  }

  /** What is new of a piece: all, where the source is ahead; `undefined`, where it repeats the other one. */
  read(source: Source, text: string): string | undefined {
    if (this.diverged) return text;
    if (this.leader === source || this.caughtUp()) return this.lead(source, text);
    for (let position = 0; position < text.length; position += 1) {
      const next = text.charAt(position);
      const space = !/\S/.test(next);
      while (!this.caughtUp() && !space && !/\S/.test(this.front())) this.step();
      if (this.caughtUp()) return this.lead(source, text.slice(position));
      if (this.front() === next) this.step();
      else if (!space) return this.diverge(text);
    }
    if (this.caughtUp()) this.repeated = [];
    else this.repeated.push(text);
    return undefined;
  }

  private lead(source: Source, text: string): string {
    if (this.caughtUp()) {
      this.leader = source;
      this.queue = [];
      this.first = 0;
      this.at = 0;
      this.repeated = [];
    }
    this.queue.push(text);
    return text;
  }

  private diverge(text: string): string {
    this.diverged = true;
    const said = [...this.repeated, text].join("");
    this.queue = [];
    this.repeated = [];
    return said;
  }

  private caughtUp(): boolean {
    return this.first >= this.queue.length;
  }

  private front(): string {
    return this.queue[this.first]?.charAt(this.at) ?? "";
  }

  private step(): void {
    this.at += 1;
    if (this.at < (this.queue[this.first]?.length ?? 0)) return;
    this.first += 1;
    this.at = 0;
  }
}
