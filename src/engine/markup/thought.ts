import { EventBuilder } from "../../model/event-builder.ts";
import { Transcript } from "../../model/transcript.ts";
import { markupParser } from "./parser.ts";

/**
 * Splits a finished assistant text of a history with inline thought, by the rules of the parser. A closing tag on its
 * own line end without an opening one before it closes thought that the prompt had opened: agents send such texts back
 * (the M2 template splits there too, spec sheet 8.1). White space of the answer stays.
 */
export function splitThought(text: string, tags: readonly string[]): { reasoning: string; text: string } {
  const transcript = new Transcript();
  const out = new EventBuilder();
  const parser = markupParser({
    think: { tags, startsInside: opensBefore(text, tags) },
    calls: "none",
    tools: [],
    callId: () => "",
  });
  parser.feed(text, out);
  parser.end(out, false);
  transcript.apply(out.take());
  return { reasoning: transcript.reasoning(), text: transcript.text() };
}

function opensBefore(text: string, tags: readonly string[]): boolean {
  const closing = tags.flatMap((tag) => [
    text.indexOf(`\n</${tag}>\n`),
    text.endsWith(`\n</${tag}>`) ? text.lastIndexOf("\n") : -1,
  ]);
  const first = Math.min(...closing.filter((at) => at !== -1));
  return Number.isFinite(first) && tags.every((tag) => !text.slice(0, first).includes(`<${tag}>`));
}
