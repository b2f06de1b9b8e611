import type { ModelCard } from "../../model/card.ts";
import type { ParsedRequest } from "../surface.ts";
import type { ChatAnswerOptions } from "./parse.ts";

/** Where laid-out text goes. An `atomic` piece is a tag: it must reach the wire uncut. */
export interface LayoutSink {
  content(text: string, atomic: boolean): void;
  reasoning(text: string): void;
}

interface Tags {
  open: string;
  close: string;
}
const tags: Readonly<Record<ModelCard["reasoningForm"], Tags>> = {
  lines: { open: "<think>\n", close: "\n</think>\n" },
  spaced: { open: "<think>\n", close: "\n</think>\n\n" },
  tight: { open: "<think>", close: "</think>\n\n" },
};

/**
 * Lays reasoning and text out as the vendor's wire shows them: inline think blocks, or split fields. Takes deltas of any
 * size; bodies and streams both run through it, so they cannot differ.
 *
 * White space at both ends of reasoning is left out, so at its end it is held back until more follows. The text after it
 * loses its leading newlines: behind an inline block stand those of the form, whatever the model wrote. With reasoning off none is shown, even if an engine could
 * not be kept from it (the vendor's host checks demand that).
 */
export class ReasoningLayout {
  // fixed at birth
  private readonly split: boolean;
  private readonly silent: boolean;
  private readonly tags: Tags;
  private readonly sink: LayoutSink;
  // changed by events
  /** White space at the end of the reasoning so far, held back by `reasoning`. */
  private pendingSpace = "";
  /** Some reasoning of the current block was shown and `reasoningEnd` has not come yet. */
  private open = false;
  /** Blocks of reasoning shown so far. */
  private blocks = 0;
  /** The next text follows reasoning; set by `reasoningEnd`, cleared by the first text that is shown. */
  private afterReasoning = false;
  /** The content so far is empty or ends with a newline. */
  private lineStart = true;

  constructor({ request, answerOptions }: ParsedRequest<ChatAnswerOptions>, sink: LayoutSink) {
    this.silent = request.reasoning === "off";
    this.split = answerOptions.reasoningSplit;
    this.tags = tags[answerOptions.card.reasoningForm];
    this.sink = sink;
  }

  reasoning(text: string): void {
    if (this.silent) return;
    const started = this.open ? text : text.trimStart();
    const kept = started.trimEnd();
    if (kept === "") {
      if (this.open) this.pendingSpace += started;
      return;
    }
    if (!this.open) this.begin();
    this.show(this.pendingSpace + kept);
    this.pendingSpace = started.slice(kept.length);
  }

  reasoningEnd(): void {
    this.pendingSpace = "";
    if (this.open && !this.split) this.content(this.tags.close, true);
    this.afterReasoning = this.open || this.split || this.silent;
    this.open = false;
  }

  text(text: string): void {
    const shown = this.afterReasoning ? text.replace(/^[\r\n]+/, "") : text;
    if (shown === "") return;
    this.afterReasoning = false;
    this.content(shown, false);
  }

  private begin(): void {
    this.open = true;
    this.blocks += 1;
    if (this.split && this.blocks > 1) this.sink.reasoning("\n");
    if (!this.split) this.content(this.lineStart ? this.tags.open : `\n${this.tags.open}`, true);
  }

  private show(text: string): void {
    if (this.split) this.sink.reasoning(text);
    else this.content(text, false);
  }

  private content(text: string, atomic: boolean): void {
    this.lineStart = text.endsWith("\n");
    this.sink.content(text, atomic);
  }
}
