import type { Steps } from "../../lib/time-slices.ts";
import type { Item, Part } from "../../model/item.ts";
import { mediaTokens } from "../../model/picture.ts";
import type { GenerationRequest } from "../../model/request.ts";
import { mediaDigest } from "./media.ts";
import { tokenEnd } from "./tokens.ts";

/** A request as an engine sees it before it answers: how long it is, and its prefixes. */
export interface Prompt {
  tokens: number;
  /** The hash of the prompt up to the end of each whole block of tokens. */
  blocks: readonly number[];
}

/** One stretch of the prompt: text, or an image or video that stands for `tokens` tokens. */
type Segment = string | { tokens: number; digest: string };

/** Tokens that are measured in one step. */
const tokensPerStep = 10_000;

/** Characters of a text that are joined with what stands before it. */
const joinedChars = 65_536;

/** Linear in the request's size. The model's name is part of every prefix: two models share no cache. */
export function* measurePrompt(request: GenerationRequest, blockSize: number): Steps<Prompt> {
  const ruler = new Ruler(blockSize);
  ruler.mix(request.model);
  let next = tokensPerStep;
  for (const segment of segments(request)) {
    const length = typeof segment === "string" ? segment.length : 1;
    for (let at = 0; at < length;) {
      at = typeof segment === "string" ? ruler.text(segment, at, next) : ruler.media(segment);
      if (ruler.tokens < next) continue;
      next = ruler.tokens + tokensPerStep;
      yield;
    }
  }
  return { tokens: ruler.tokens, blocks: ruler.blocks };
}

/** Tools first, then the conversation: the order in which the vendor matches prefixes (MiniMax API docs, prompt caching, 2026-11). */
function* segments(request: GenerationRequest): Generator<Segment> {
  // no template shows `strict` and `path`
  for (const { strict: _strict, path: _path, ...tool } of request.tools) yield `<tool>${JSON.stringify(tool)}\n`;
  for (const item of request.items) yield* itemSegments(item);
  yield "<assistant>";
}

function* itemSegments(item: Item): Generator<Segment> {
  switch (item.type) {
    case "message":
      yield `<${item.role}${item.name === undefined ? "" : ` ${item.name}`}>`;
      yield* partSegments(item.parts);
      return;
    case "reasoning":
      yield* behind("<think>", item.text);
      return;
    case "call":
      yield* behind(`<call ${item.name}>`, item.args);
      return;
    case "result":
      yield item.failed ? "<failure>" : "<result>";
      yield* partSegments(item.parts);
  }
}

/** A text behind its mark. A long one stays apart: joined, all of it would be copied at once. */
function* behind(mark: string, text: string): Generator<Segment> {
  if (text.length <= joinedChars) yield mark + text;
  else {
    yield mark;
    yield text;
  }
}

function* partSegments(parts: readonly Part[]): Generator<Segment> {
  for (const part of parts) {
    yield part.type === "text" ? part.text : { tokens: mediaTokens(part), digest: mediaDigest(part) };
  }
}

/** Counts tokens and hashes as it goes. Two 32-bit FNV-1a lanes give a 53-bit key: a chance hit is out of the question. */
class Ruler {
  // fixed at birth
  private readonly blockSize: number;
  readonly blocks: number[] = [];
  // changed by events
  tokens = 0;
  private low = 0x811c9dc5;
  private high = 0x01234567;

  constructor(blockSize: number) {
    this.blockSize = blockSize;
  }

  mix(text: string, from = 0, to = text.length): void {
    let { low, high } = this;
    for (let at = from; at < to; at += 1) {
      const unit = text.charCodeAt(at);
      low = Math.imul(low ^ unit, 0x01000193);
      high = Math.imul(high ^ unit, 0x85ebca6b) + 1;
    }
    this.low = low;
    this.high = high;
  }

  /** Reads a text from `from` on, until there are `most` tokens; returns where it stopped. */
  text(text: string, from: number, most: number): number {
    let at = from;
    while (at < text.length && this.tokens < most) {
      const end = tokenEnd(text, at);
      this.mix(text, at, end);
      this.token();
      at = end;
    }
    return at;
  }

  media(segment: { tokens: number; digest: string }): number {
    this.mix(segment.digest);
    for (let count = 0; count < segment.tokens; count += 1) this.token();
    return 1;
  }

  private token(): void {
    this.tokens += 1;
    if (this.tokens % this.blockSize !== 0) return;
    this.mix("|");
    this.blocks.push((this.low >>> 0) * 0x20_0000 + ((this.high >>> 0) & 0x1f_ffff));
  }
}
