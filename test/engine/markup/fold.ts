import { markupParser } from "../../../src/engine/markup/parser.ts";
import type { MarkupOptions } from "../../../src/engine/markup/markup.ts";
import type { ToolDefinition } from "../../../src/model/request.ts";
import { EventBuilder } from "../../../src/model/event-builder.ts";
import { GrammarCheck } from "../../../src/model/event.ts";
import { type AnswerItem, Transcript } from "../../../src/model/transcript.ts";

export interface Setting extends Partial<Omit<MarkupOptions, "think">> {
  tags?: readonly string[];
  inside?: boolean;
  cut?: boolean;
}

/** Markup is read only where a tool is declared; calls of others are calls too. */
const anyTool: ToolDefinition = { name: "any_tool", parameters: {} };

/** What the parser reports to be wrong with a call. */
export function fault(pieces: Iterable<string>, setting: Setting = {}): string | undefined {
  return read(pieces, setting).fault;
}

/** Parses pieces, checks the event grammar, and gives the items; ids count from `c1`. */
export function parsed(pieces: Iterable<string>, setting: Setting = {}): AnswerItem[] {
  return read(pieces, setting).items;
}

function read(pieces: Iterable<string>, setting: Setting): { items: AnswerItem[]; fault: string | undefined } {
  const { tags = ["think"], inside = false, cut = false, ...rest } = setting;
  let ordinal = 0;
  const parser = markupParser({
    think: { tags, startsInside: inside },
    calls: "none",
    tools: [anyTool],
    callId: () => `c${++ordinal}`,
    ...rest,
  });
  const out = new EventBuilder();
  const check = new GrammarCheck();
  const transcript = new Transcript();
  const drain = (): void => {
    const batch = out.take();
    for (const event of batch) check.accept(event);
    transcript.apply(batch);
  };
  for (const piece of pieces) {
    parser.feed(piece, out);
    drain();
  }
  parser.end(out, cut);
  out.finish("stop");
  drain();
  check.end();
  return { items: transcript.items, fault: parser.fault };
}

/** Items as short rows: `["text", "..."]`, `["call", name, args]`. */
export function rows(text: string, setting: Setting = {}): string[][] {
  const whole = parsed([text], setting);
  const single = parsed(text.match(/[^]/g) ?? [], setting);
  if (JSON.stringify(whole) !== JSON.stringify(single)) {
    throw new Error(`chunking matters: ${JSON.stringify(whole)} but by characters ${JSON.stringify(single)}`);
  }
  return whole.map((item) => (item.type === "call" ? ["call", item.name, item.args] : [item.type, item.text]));
}
