import type { Color } from "../../model/item.ts";

interface ColorRow {
  english: string;
  chinese: string;
  at: readonly [red: number, green: number, blue: number];
}

const rows: readonly ColorRow[] = [
  { english: "black", chinese: "黑色", at: [0, 0, 0] },
  { english: "gray", chinese: "灰色", at: [128, 128, 128] },
  { english: "white", chinese: "白色", at: [255, 255, 255] },
  { english: "red", chinese: "红色", at: [255, 0, 0] },
  { english: "orange", chinese: "橙色", at: [255, 140, 0] },
  { english: "yellow", chinese: "黄色", at: [255, 255, 0] },
  { english: "green", chinese: "绿色", at: [0, 255, 0] },
  { english: "green", chinese: "绿色", at: [0, 128, 0] },
  { english: "cyan", chinese: "青色", at: [0, 255, 255] },
  { english: "blue", chinese: "蓝色", at: [0, 0, 255] },
  { english: "purple", chinese: "紫色", at: [128, 0, 128] },
  { english: "pink", chinese: "粉色", at: [255, 105, 180] },
  { english: "brown", chinese: "棕色", at: [139, 69, 19] },
];

/** The word for the nearest color that has one. */
export function colorName({ red, green, blue }: Color, language: "english" | "chinese"): string {
  const distance = ({ at }: ColorRow): number => (at[0] - red) ** 2 + (at[1] - green) ** 2 + (at[2] - blue) ** 2;
  return rows.reduce((best, row) => (distance(row) < distance(best) ? row : best))[language];
}
