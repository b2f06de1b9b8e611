import type { Steps } from "../../lib/time-slices.ts";

/** A token of a vocabulary that stands for a fixed text, like a turn's end. */
export interface Marker<Token> {
  token: Token;
  text: string;
  /** Only the template may write it; a caller's text that looks like it stays text. */
  control: boolean;
}

export interface VocabularyOptions<Token> {
  markers: readonly Marker<Token>[];
  /** Tokens of text that holds no marker. */
  plain: (text: string) => readonly Token[];
  /** Whether the tokens of a text are those of its two parts when it is divided there; absent: never. */
  divides?: ((text: string, at: number) => boolean) | undefined;
}

interface Branch<Token> {
  next: Map<string, Branch<Token>>;
  marker?: Marker<Token>;
}

/**
 * Set into a caller's text where it would spell a control token, and taken out again before tokenising. A Unicode
 * noncharacter, reserved for such inner use; one that a caller sends is dropped.
 */
const guardSign = "\uFDD0";

/** Characters that are tokenised in one step, and tokens of marks. */
const pieceUnits = 2_048;
const tokensPerStep = 256;

/**
 * Text to tokens. Markers are found here, in one pass over the text: llama.cpp's own search takes time that grows with
 * the square of their number (1 MB of turn ends: 350 s on one core, this: below a second).
 */
export class Vocabulary<Token> {
  // fixed at birth
  private readonly plain: VocabularyOptions<Token>["plain"];
  private readonly divides: VocabularyOptions<Token>["divides"];
  private readonly root: Branch<Token> = { next: new Map() };
  private readonly controls: Branch<Token> = { next: new Map() };
  private readonly starts: string;
  private readonly longestControl: number;
  private readonly structural: ReadonlySet<Token>;

  constructor(options: VocabularyOptions<Token>) {
    this.plain = options.plain;
    this.divides = options.divides;
    const markers = options.markers.filter((marker) => marker.text !== "");
    for (const marker of markers) {
      grow(this.root, marker);
      if (marker.control) grow(this.controls, marker);
    }
    const controls = markers.filter(({ control }) => control);
    this.structural = new Set(controls.map(({ token }) => token));
    this.longestControl = controls.reduce((longest, { text }) => Math.max(longest, text.length), 0);
    const units = new Set(markers.map((marker) => marker.text.charCodeAt(0)));
    this.starts = [...units].map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  }

  /** Tokens of a rendered prompt. */
  *tokens(prompt: string): Steps<Token[]> {
    const tokens: Token[] = [];
    let from = 0;
    for (const { at, marker } of this.markersIn(this.root, prompt)) {
      yield* this.addPlain(tokens, prompt.slice(from, at));
      tokens.push(marker.token);
      from = at + marker.text.length;
      if (tokens.length % tokensPerStep === 0) yield;
    }
    yield* this.addPlain(tokens, prompt.slice(from));
    return tokens;
  }

  /** Tokens of a text without markers, but for those that only guard signs keep from being ones. */
  private *addPlain(tokens: Token[], prompt: string): Steps<void> {
    const text = prompt.replaceAll(guardSign, "");
    const first = tokens.length;
    yield* this.addPieces(tokens, text);
    if (text.length === prompt.length) return;
    let found = false;
    for (let at = first; at < tokens.length && !found; at += 1) found = this.structural.has(tokens[at] as Token);
    if (!found) return;
    // some tokenizers find tokens that users have added to them in any text
    tokens.length = first;
    for (const [index, part] of prompt.split(guardSign).entries()) {
      yield* this.addPieces(tokens, part);
      if (index % tokensPerStep === tokensPerStep - 1) yield;
    }
  }

  private *addPieces(tokens: Token[], text: string): Steps<void> {
    for (let from = 0; from < text.length;) {
      const to = this.pieceEnd(text, from);
      for (const token of this.plain(text.slice(from, to))) tokens.push(token);
      from = to;
      if (from < text.length) yield;
    }
  }

  /** Where a piece of the text may end: at the first place, from its usual length on, that divides no token. */
  private pieceEnd(text: string, from: number): number {
    if (this.divides === undefined) return text.length;
    for (let at = from + pieceUnits; at < text.length; at += 1) if (this.divides(text, at)) return at;
    return text.length;
  }

  /** A caller's text such that no part of it becomes a control token. */
  guard(text: string): string {
    let guarded = "";
    let from = 0;
    // one may begin with the last sign of another: breaking the first would leave the second whole
    for (const { at } of this.markersIn(this.controls, text, "overlapping")) {
      guarded += text.slice(from, at + 1) + guardSign;
      from = at + 1;
    }
    const all = from === 0 ? text : guarded + text.slice(from);
    return this.endsInMarker(all) ? all + guardSign : all;
  }

  /** Whether a text ends in the beginning of a control token, which what follows would complete. */
  private endsInMarker(text: string): boolean {
    for (let from = Math.max(0, text.length - this.longestControl + 1); from < text.length; from++) {
      let branch: Branch<Token> | undefined = this.controls;
      for (let at = from; at < text.length && branch !== undefined; at++) branch = branch.next.get(text.charAt(at));
      if (branch !== undefined) return true;
    }
    return false;
  }

  /** Markers from left to right, the longest where several begin at one place. */
  private *markersIn(
    root: Branch<Token>,
    text: string,
    which: "apart" | "overlapping" = "apart",
  ): Generator<{ at: number; marker: Marker<Token> }, void, void> {
    if (this.starts === "") return;
    const start = new RegExp(`[${this.starts}]`, "g");
    for (let hit = start.exec(text); hit !== null; hit = start.exec(text)) {
      const marker = longest(root, text, hit.index);
      if (marker === undefined) continue;
      yield { at: hit.index, marker };
      if (which === "apart") start.lastIndex = hit.index + marker.text.length;
    }
  }
}

function grow<Token>(root: Branch<Token>, marker: Marker<Token>): void {
  let branch = root;
  for (let at = 0; at < marker.text.length; at++) {
    const unit = marker.text.charAt(at);
    const next = branch.next.get(unit) ?? { next: new Map() };
    branch.next.set(unit, next);
    branch = next;
  }
  branch.marker = marker;
}

function longest<Token>(root: Branch<Token>, text: string, from: number): Marker<Token> | undefined {
  let found: Marker<Token> | undefined;
  let branch: Branch<Token> | undefined = root;
  for (let at = from; branch !== undefined; at++) {
    found = branch.marker ?? found;
    branch = branch.next.get(text.charAt(at));
  }
  return found;
}
