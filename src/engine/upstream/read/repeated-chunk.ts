import { isObject, parseJson } from "../../../model/json.ts";
import type { Chunk } from "./chunk.ts";
import type { Piece } from "./piece.ts";

/** A piece with the text of a delta. */
export type TextPiece = Extract<Piece, { type: "content" | "reasoning-field" }>;

/** Attempts to learn a form from events in a row that none of them helped to read. */
const maxAttempts = 8;
/** The inside of a JSON string that stands for itself. */
const plain = /^[^"\\\u0000-\u001f]+$/;

/**
 * Reads events that differ from one before them in nothing but the text of their delta, which is most of an answer, without parsing them:
 * what stands before and behind the text is compared. An event whose form is learnt was read in the general way, and once more with
 * another text in the place of its own, which shows that the place is a string of its own and what it means. So both ways agree
 * whatever the order of members, white space or members that come twice.
 */
export class RepeatedChunk {
  // fixed at birth
  private readonly onlyPiece: (chunk: Chunk) => TextPiece | undefined;
  // changed by events
  /** What stands before and behind the text; empty until a form was learnt. */
  private head = "";
  private tail = "";
  private type: TextPiece["type"] = "content";
  /** Attempts left; lowered by `learn`, all again when a form has read an event. */
  private attempts = maxAttempts;

  /** `onlyPiece`: the piece that a chunk brings, where it brings exactly one of text and has no other effect. */
  constructor(onlyPiece: (chunk: Chunk) => TextPiece | undefined) {
    this.onlyPiece = onlyPiece;
  }

  /** The piece of an event of the form that was learnt; `undefined`: it is another one. */
  read(data: string): TextPiece | undefined {
    const { head, tail, type } = this;
    const end = data.length - tail.length;
    // `startsWith` and `endsWith` take ten times as long
    if (head === "" || end <= head.length || data.slice(0, head.length) !== head || data.slice(end) !== tail)
      return undefined;
    const inside = data.slice(head.length, end);
    const text = plain.test(inside) ? inside : parseJson(`"${inside}"`);
    if (typeof text !== "string" || text === "") return undefined;
    this.attempts = maxAttempts;
    return { type, text };
  }

  /** Learns the form of an event that was read in the general way, if it has one. */
  learn(data: string, chunk: Chunk): void {
    if (this.attempts === 0) return;
    const piece = this.onlyPiece(chunk);
    if (piece === undefined) return;
    this.attempts -= 1;
    const quoted = JSON.stringify(piece.text);
    const at = data.lastIndexOf(quoted);
    if (at < 0) return;
    const head = data.slice(0, at + 1);
    const tail = data.slice(at + quoted.length - 1);
    const other = `${piece.text}?`;
    const changed = parseJson(head + JSON.stringify(other).slice(1, -1) + tail);
    const found = isObject(changed) ? this.onlyPiece(changed) : undefined;
    if (found?.type !== piece.type || found.text !== other) return;
    this.head = head;
    this.tail = tail;
    this.type = piece.type;
  }
}
