import type { ModelCard } from "../../model/card.ts";
import type { ParsedRequest } from "../surface.ts";
import type { ChatAnswerOptions } from "./parse.ts";

/** Where composed text goes. A `solid` piece is a tag: it must reach the wire uncut. */
export interface Sink {
  content(text: string, solid: boolean): void;
  reasoning(text: string): void;
}

interface Tags {
  open: string;
  close: string;
}
const tags: Readonly<Record<ModelCard["reasoningForm"], Tags>> = {
  lines: { open: "<think>\n", close: "\n</think>\n" },
  tight: { open: "<think>", close: "</think>\n\n" },
};

/**
 * Lays thought and text out as the vendor's wire shows them: inline think blocks, or split fields. A push machine fed
 * by deltas of any size; bodies and streams both run through it, so they cannot differ.
 *
 * Thought is stripped at both ends, so white space at its end waits until more thought follows. Split text loses the
 * newlines that stood between the think tag and the answer (spec sheet 10, row 12). With thinking off no thought is
 * shown, even if an engine could not be kept from it (spec sheet 13).
 */
export class Composer {
  // fixed at birth
  private readonly split: boolean;
  private readonly silent: boolean;
  private readonly tags: Tags;
  private readonly sink: Sink;
  // changed by events
  private space = "";
  private open = false;
  private thoughts = 0;
  private afterThought = false;
  private lineStart = true;

  constructor({ request, answerOptions }: ParsedRequest<ChatAnswerOptions>, sink: Sink) {
    this.silent = request.reasoning === "off";
    this.split = answerOptions.reasoningSplit;
    this.tags = tags[answerOptions.card.reasoningForm];
    this.sink = sink;
  }

  reasoning(text: string): void {
    if (this.silent) return;
    const begun = this.open ? text : text.trimStart();
    const kept = begun.trimEnd();
    if (kept === "") {
      if (this.open) this.space += begun;
      return;
    }
    if (!this.open) this.begin();
    this.say(this.space + kept);
    this.space = begun.slice(kept.length);
  }

  reasoningEnd(): void {
    this.space = "";
    if (this.open && !this.split) this.content(this.tags.close, true);
    this.open = false;
    this.afterThought = this.split || this.silent;
  }

  text(text: string): void {
    const shown = this.afterThought ? text.replace(/^[\r\n]+/, "") : text;
    if (shown === "") return;
    this.afterThought = false;
    this.content(shown, false);
  }

  private begin(): void {
    this.open = true;
    this.thoughts += 1;
    if (this.split && this.thoughts > 1) this.sink.reasoning("\n");
    if (!this.split) this.content(this.lineStart ? this.tags.open : `\n${this.tags.open}`, true);
  }

  private say(text: string): void {
    if (this.split) this.sink.reasoning(text);
    else this.content(text, false);
  }

  private content(text: string, solid: boolean): void {
    this.lineStart = text.endsWith("\n");
    this.sink.content(text, solid);
  }
}
