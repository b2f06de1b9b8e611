import type { Steps } from "../../lib/time-slices.ts";

/** Parts of a Jinja template: comments, code, and what stands between them. */
const parts = /\{#[\s\S]*?#\}|\{\{([\s\S]*?)\}\}|\{%([\s\S]*?)%\}/g;
const quoted = /'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/gs;

/** How templates spell what their tokenizers read as one token: no list of words, but their forms. */
const forms = [
  // <|im_start|> <start_of_turn> </s> <think> <｜Assistant｜>, and <<SYS>>
  "<</?\\w+>>|<[^\\s<>]{1,64}>",
  // [INST] [/INST] [gMASK] [UNUSED_TOKEN_1] [|user|]
  "\\[/?\\w*[A-Z]{2}\\w*\\]|\\[\\|[^\\s|]{1,64}\\|\\]",
  // ]~b] ]~!b[ [e~[ of MiniMax-M2, ]<]minimax[>[ of MiniMax-M3
  "[\\[\\]]\\w*~!?\\w*[\\[\\]]|\\]<\\]\\w{1,64}\\[>\\[",
].join("|");

/** What a template makes of parts may have these forms, whatever its literals are. */
const anyTemplates = [
  "<\\|[^\\s|<>]{1,64}\\|>",
  "<｜[^\\s｜<>]{1,64}｜>",
  "\\]~!?b[\\[\\]]",
  "\\[e~\\[",
  "\\]<\\]\\w{1,64}\\[>\\[",
];

/** Names of these tokens in most vocabularies, for a template that writes them and a server that does not report them. */
const usualEnds: Readonly<Record<string, readonly string[]>> = {
  bos_token: ["<s>", "<bos>"],
  eos_token: ["</s>", "<eos>"],
};

/**
 * The texts in a chat template's own literals that have the form of special tokens, each once. Of a turn that is marked by
 * plain words (`USER:`) there are none.
 */
export function templateMarks(source: string): readonly string[] {
  const form = new RegExp(forms, "gu");
  const found = new Set<string>();
  for (const literal of literalsOf(source)) for (const [mark] of literal.matchAll(form)) found.add(mark);
  for (const [name, marks] of Object.entries(usualEnds)) {
    if (source.includes(name)) for (const mark of marks) found.add(mark);
  }
  return [...found];
}

function* literalsOf(source: string): Generator<string> {
  let from = 0;
  for (const part of source.matchAll(parts)) {
    yield source.slice(from, part.index);
    from = part.index + part[0].length;
    const code = part[1] ?? part[2] ?? "";
    for (const [, single, double] of code.matchAll(quoted)) yield unescaped(single ?? double ?? "");
  }
  yield source.slice(from);
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, (_, sign: string) => ({ n: "\n", t: "\t", r: "\r" })[sign] ?? sign);
}

/** Invisible, and of no token's spelling. */
const joiner = "\u2060";

/** Characters of a text that are looked at in one step. */
const stepChars = 32 * 1024;
/** Longest of `anyTemplates`, and more. */
const longestForm = 128;

/** A caller's text without the marks that it spells. */
export type TextGuard = (text: string) => Steps<string>;

/**
 * Puts a word joiner, which is invisible, into every mark that a text spells, and behind a mark's beginning at its end: a
 * caller's text must not end a turn or open one. Linear: one pass, and what follows a mark's first character is only
 * looked at, for a mark may begin with the last character of another.
 */
export function markGuard(marks: readonly string[]): TextGuard {
  const exact = marks.filter((mark) => mark !== "").map((mark) => mark.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  const expression = firstThenRest([...new Set([...exact, ...anyTemplates])]);
  const beginnings = new Set(
    marks.flatMap((mark) => Array.from({ length: mark.length }, (_, at) => mark.slice(0, at))),
  );
  const longest = marks.reduce((most, mark) => Math.max(most, mark.length), 0);
  return function* (text) {
    const guarded = yield* joinedBehind(expression, text, Math.max(longest, longestForm));
    for (let length = Math.min(longest, guarded.length); length > 1; length--) {
      if (beginnings.has(guarded.slice(-length))) return guarded + joiner;
    }
    return guarded;
  };
}

/**
 * Puts a joiner behind the first character of each match; by hand, as millions of them take `replace` five times as long. Looks
 * at the text in pieces, each with so much of what follows it that a match which begins in it is seen whole.
 */
function* joinedBehind(expression: RegExp, text: string, overlap: number): Steps<string> {
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const piece = text.slice(at, at + stepChars + overlap);
    const parts: string[] = [];
    let from = 0;
    expression.lastIndex = 0;
    while (expression.test(piece) && expression.lastIndex <= stepChars + 1) {
      parts.push(piece.slice(from, expression.lastIndex), joiner);
      from = expression.lastIndex;
    }
    const end = Math.max(from, Math.min(stepChars, piece.length));
    parts.push(piece.slice(from, end));
    pieces.push(parts.join(""));
    at += end;
    if (at < text.length) yield;
  }
  return pieces.join("");
}

/** An expression that matches the first character of any of these where the rest follows. */
function firstThenRest(sources: readonly string[]): RegExp {
  const rests = new Map<string, string[]>();
  for (const source of sources) {
    const first = /^\\?./u.exec(source)?.[0] ?? "";
    const known = rests.get(first) ?? [];
    rests.set(first, known);
    known.push(source.slice(first.length));
  }
  return new RegExp([...rests].map(([first, all]) => `${first}(?=${all.join("|")})`).join("|"), "gu");
}
