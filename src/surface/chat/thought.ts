import type { ModelCard } from "../../model/card.ts";
import { isObject } from "../../model/json.ts";
import { readArray, readString } from "./field.ts";

/**
 * Thought in an assistant message of the history: clients send it back as inline tags, as `reasoning_content`, as
 * `reasoning_details` (whole or text only), or several of them at once (spec sheet 1.3).
 */

const openTag = /^\s*<(think|mm:think)>/;
/** A close tag on a line of its own whose open tag stood in the prompt (M2 starts inside the thought). */
const bareClose = /\n<\/(?:think|mm:think)>(?:\n|$)/;

export interface Parted {
  thoughts: string[];
  text: string;
}

/** Splits leading think blocks off `content`; a block never closed runs to the end. */
export function partThought(content: string, form: ModelCard["reasoningForm"]): Parted {
  const thoughts: string[] = [];
  let text = content;
  for (let open = openTag.exec(text); open !== null; open = openTag.exec(text)) {
    const close = `</${open[1]}>`;
    const end = text.indexOf(close, open[0].length);
    thoughts.push(text.slice(open[0].length, end < 0 ? text.length : end).trim());
    text = end < 0 ? "" : afterTag(text.slice(end + close.length), form);
  }
  if (thoughts.length === 0) return partBare(content, form);
  return { thoughts: thoughts.filter((thought) => thought !== ""), text };
}

function partBare(content: string, form: ModelCard["reasoningForm"]): Parted {
  if (content.startsWith("</think>") || content.startsWith("</mm:think>")) {
    return { thoughts: [], text: afterTag(content.slice(content.indexOf(">") + 1), form) };
  }
  if (!content.includes("</")) return { thoughts: [], text: content };
  const close = bareClose.exec(content);
  if (close === null || /<(?:think|mm:think)>/.test(content.slice(0, close.index))) {
    return { thoughts: [], text: content };
  }
  const thought = content.slice(0, close.index).trim();
  const tagEnd = content.indexOf(">", close.index) + 1;
  return { thoughts: thought === "" ? [] : [thought], text: afterTag(content.slice(tagEnd), form) };
}

/** Drops the newlines that belong to the tag, not to the answer. */
function afterTag(text: string, form: ModelCard["reasoningForm"]): string {
  const newlines = form === "tight" ? 2 : 1;
  let start = 0;
  while (start < newlines && text[start] === "\n") start += 1;
  return text.slice(start);
}

/** The thought of the fields beside `content`; `""` when there is none. They repeat each other, so one is taken. */
export function readThoughtFields(message: Record<string, unknown>, path: string): string {
  const content = readString(message["reasoning_content"], `${path}.reasoning_content`) ?? "";
  const details = readDetails(message["reasoning_details"], `${path}.reasoning_details`);
  if (content.trim() !== "") return content;
  if (details.trim() !== "") return details;
  const plain = message["reasoning"];
  return typeof plain === "string" && plain.trim() !== "" ? plain : "";
}

function readDetails(value: unknown, path: string): string {
  let joined = "";
  for (const entry of readArray(value, path) ?? []) {
    if (isObject(entry) && typeof entry["text"] === "string") joined += entry["text"];
  }
  return joined;
}
