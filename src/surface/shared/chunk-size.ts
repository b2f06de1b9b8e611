import { invalid } from "../../model/error.ts";
import type { ParseContext } from "../surface.ts";

/** How big the pieces of text of a stream are and how long one may be held back. */
export interface ChunkSize {
  /** Characters (UTF-16 units) that a piece should have at least; 0 passes everything through as it comes. */
  minChars: number;
  /** Characters that a piece has at most. */
  maxChars: number;
  /** Longest time that a piece is held back for growth. */
  maxWaitMs: number;
}

/**
 * The vendor's host checks (MiniMax-Provider-Verifier, stream cases, 2026) want 95 % of pieces in 5 to 200 characters, at
 * most 2 % longer and 5 % shorter. These sizes keep a distance from both edges, emoji of two units included.
 */
export const defaultChunkSize: ChunkSize = { minChars: 20, maxChars: 160, maxWaitMs: 120 };

const fields: Readonly<Record<string, { name: keyof ChunkSize; min: number; max: number }>> = {
  min: { name: "minChars", min: 0, max: 10_000 },
  max: { name: "maxChars", min: 1, max: 100_000 },
  wait: { name: "maxWaitMs", min: 0, max: 60_000 },
};

const headerName = "x-parley-packet";

/** Reads the header `x-parley-packet`, such as `min=1,max=200,wait=50`, over `base`; `invalid` names the header. */
export function readChunkSize(context: Pick<ParseContext, "header">, base: ChunkSize): ChunkSize {
  const header = context.header(headerName);
  if (header === undefined || header.trim() === "") return base;
  const size = { ...base };
  for (const pair of header.split(",")) {
    const match = /^\s*(min|max|wait)\s*=\s*(\d{1,6})\s*$/.exec(pair);
    const field = fields[match?.[1] ?? ""];
    const value = Number(match?.[2]);
    if (field === undefined || value < field.min || value > field.max) {
      throw invalid(headerName, "must look like min=20,max=160,wait=120");
    }
    size[field.name] = value;
  }
  if (size.minChars > size.maxChars) throw invalid(headerName, "min must not exceed max");
  return size;
}
