import type { ModelCard } from "../../model/card.ts";
import { isObject } from "../../model/json.ts";
import type { Fields } from "../shared/fields.ts";

/**
 * Reasoning in an assistant message of the history: clients send it back as inline tags, as `reasoning_content`, as
 * `reasoning_details` (whole or text only), or several of them at once.
 */

const openTag = /^\s*<(think|mm:think)>/;
/** A close tag on a line of its own whose open tag stood in the prompt: M2 begins inside its reasoning. */
const bareClose = /\n<\/(?:think|mm:think)>(?:\n|$)/;

export interface SplitContent {
  /** Block by block, without white space at the ends. */
  reasoning: string[];
  text: string;
}

/** Of one message; no model writes more than a few. */
const maxBlocks = 1_000;

/**
 * Splits leading think blocks off the message's content; a block never closed runs to the end. Throws `invalid` for more
 * than 1,000 of them.
 */
export function splitReasoning(message: Fields, content: string, form: ModelCard["reasoningForm"]): SplitContent {
  const blocks: string[] = [];
  let text = content;
  for (let open = openTag.exec(text); open !== null; open = openTag.exec(text)) {
    if (blocks.length >= maxBlocks) throw message.error("content", `holds more than ${maxBlocks} blocks of reasoning`);
    const close = `</${open[1]}>`;
    const end = text.indexOf(close, open[0].length);
    blocks.push(text.slice(open[0].length, end < 0 ? text.length : end).trim());
    text = end < 0 ? "" : afterTag(text.slice(end + close.length), form);
  }
  if (blocks.length === 0) return splitAtBareClose(content, form);
  return { reasoning: blocks.filter((block) => block !== ""), text };
}

function splitAtBareClose(content: string, form: ModelCard["reasoningForm"]): SplitContent {
  if (content.startsWith("</think>") || content.startsWith("</mm:think>")) {
    return { reasoning: [], text: afterTag(content.slice(content.indexOf(">") + 1), form) };
  }
  if (!content.includes("</")) return { reasoning: [], text: content };
  const close = bareClose.exec(content);
  if (close === null || /<(?:think|mm:think)>/.test(content.slice(0, close.index))) {
    return { reasoning: [], text: content };
  }
  const block = content.slice(0, close.index).trim();
  const tagEnd = content.indexOf(">", close.index) + 1;
  return { reasoning: block === "" ? [] : [block], text: afterTag(content.slice(tagEnd), form) };
}

/** Drops the newlines that belong to the tag, not to the answer. */
function afterTag(text: string, form: ModelCard["reasoningForm"]): string {
  const newlines = form === "lines" ? 1 : 2;
  let start = 0;
  while (start < newlines && text[start] === "\n") start += 1;
  return text.slice(start);
}

/** The reasoning of the fields beside `content`; `""` where there is none. They repeat each other, so one is taken. */
export function readReasoningFields(message: Fields): string {
  const content = message.string("reasoning_content") ?? "";
  const details = readDetails(message);
  if (content.trim() !== "") return content;
  if (details.trim() !== "") return details;
  const plain = message.given("reasoning");
  return typeof plain === "string" && plain.trim() !== "" ? plain : "";
}

function readDetails(message: Fields): string {
  let joined = "";
  for (const entry of message.array("reasoning_details") ?? []) {
    if (isObject(entry) && typeof entry["text"] === "string") joined += entry["text"];
  }
  return joined;
}
