import { textBytes } from "../../lib/byte-budget.ts";
import { LongText } from "../../lib/long-text.ts";
import type { Item, Part } from "../../model/item.ts";

/** Bytes counted for every item and part: they take memory even where they hold no text. */
const itemBytes = 200;
const partBytes = 100;

/** About how many bytes of memory the items take; nothing is serialized for it. */
export function sizeOfItems(items: readonly Item[]): number {
  let size = 0;
  for (const item of items) size += sizeOfItem(item);
  return size;
}

export function sizeOfItem(item: Item): number {
  if (item.type === "reasoning") return itemBytes + textBytes(item.text);
  if (item.type === "call") return itemBytes + textBytes(item.args);
  return item.parts.reduce((size, part) => size + partBytes + sizeOfPart(part), itemBytes);
}

function sizeOfPart(part: Part): number {
  if (part.type === "text") return textBytes(part.text);
  const { media } = part;
  if (media.kind === "url") return media.url instanceof LongText ? media.url.length : textBytes(media.url);
  return media.kind === "bytes" ? media.bytes.length : media.fileId.length;
}
