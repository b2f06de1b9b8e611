import type { Color } from "../model/item.ts";

/** The mean of the fullest of 64 boxes of the color space. */
export function mainColorOf(pixels: Uint8Array, channels: number): Color {
  const boxes = new Map<number, Color & { count: number }>();
  let fullest = { red: 0, green: 0, blue: 0, count: 0 };
  for (let at = 0; at + channels <= pixels.length; at += channels) {
    const red = pixels[at] ?? 0;
    const green = pixels[at + (channels > 2 ? 1 : 0)] ?? 0;
    const blue = pixels[at + (channels > 2 ? 2 : 0)] ?? 0;
    const key = ((red >> 6) << 4) | ((green >> 6) << 2) | (blue >> 6);
    const box = boxes.get(key) ?? { red: 0, green: 0, blue: 0, count: 0 };
    boxes.set(key, box);
    box.red += red;
    box.green += green;
    box.blue += blue;
    box.count += 1;
    if (box.count > fullest.count) fullest = box;
  }
  const mean = (sum: number): number => Math.round(sum / Math.max(1, fullest.count));
  return { red: mean(fullest.red), green: mean(fullest.green), blue: mean(fullest.blue) };
}
