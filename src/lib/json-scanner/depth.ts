import { stringEnd } from "./string.ts";

/**
 * Whether a JSON text nests objects and arrays more than `levels` deep: brackets outside strings are counted, in linear
 * time and without recursion. Strings are leapt over, for those of images have megabytes. The text need not be valid.
 */
export function nestsDeeper(text: string, levels: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = stringEnd(text, at + 1);
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > levels) return true;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return false;
}
