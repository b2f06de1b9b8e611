import { styleText } from "node:util";
import type { GenerationEvent } from "../model/event.ts";
import type { Transcript } from "../model/transcript.ts";

interface Output {
  isTTY?: boolean;
  write(text: string): unknown;
}

/** Shows answers as they come: reasoning dimmed on one output, text on the other; or each answer as one line of JSON. */
export class AnswerScreen {
  // fixed at birth
  private readonly json: boolean;
  private readonly answers: Output;
  private readonly reasoning: Output;
  // changed by events
  /** Whether the item that is being shown has had a visible character: blank lines before it are left out. */
  private begun = false;

  constructor({ json, answers, reasoning }: { json: boolean; answers: Output; reasoning: Output }) {
    this.json = json;
    this.answers = answers;
    this.reasoning = reasoning;
  }

  show(event: GenerationEvent): void {
    if (this.json) return;
    if (event.type === "text-start" || event.type === "reasoning-start") this.begun = false;
    else if (event.type === "text-delta") this.answers.write(this.withoutBlankStart(event.text));
    else if (event.type === "reasoning-delta") this.reasoning.write(this.dimmed(this.withoutBlankStart(event.text)));
    else if (event.type === "reasoning-end" && this.begun) this.reasoning.write("\n\n");
  }

  /** The end of one answer, also of one that broke off. */
  end(model: string, transcript: Transcript): void {
    if (!this.json) {
      this.answers.write("\n");
      return;
    }
    const { finish, usage } = transcript;
    const error = finish?.error?.message ?? null;
    const line = {
      model,
      text: transcript.text(),
      reasoning: transcript.reasoning(),
      finish: finish?.reason ?? null,
      error,
      usage: usage ?? null,
    };
    this.answers.write(`${JSON.stringify(line)}\n`);
  }

  private withoutBlankStart(text: string): string {
    const shown = this.begun ? text : text.trimStart();
    this.begun ||= shown !== "";
    return shown;
  }

  private dimmed(text: string): string {
    return text !== "" && this.reasoning.isTTY === true ? styleText("dim", text, { validateStream: false }) : text;
  }
}
