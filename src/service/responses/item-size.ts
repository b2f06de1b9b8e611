import type { Item, Part } from "../../model/item.ts";

/** Characters counted for every item: it takes memory even where it holds no text. */
const itemCost = 100;

/** About how many characters the items hold; nothing is serialized for it. */
export function sizeOfItems(items: readonly Item[]): number {
  let size = 0;
  for (const item of items) {
    size += itemCost;
    if (item.type === "reasoning") size += item.text.length;
    else if (item.type === "call") size += item.args.length;
    else for (const part of item.parts) size += partSize(part);
  }
  return size;
}

function partSize(part: Part): number {
  if (part.type === "text") return part.text.length;
  const { media } = part;
  if (media.kind === "url") return media.url.length;
  return media.kind === "bytes" ? media.bytes.length : media.fileId.length;
}
