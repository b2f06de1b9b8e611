import { invalid } from "../../model/error.ts";

/** How big the pieces of a stream are and how long one may be held back. */
export interface Packet {
  /** Characters (UTF-16 units) a piece should at least have; 0 passes everything through as it comes. */
  minimum: number;
  /** Characters a piece has at most. */
  maximum: number;
  /** Milliseconds a piece may be held back for growth. */
  longestWait: number;
}

/**
 * The vendor's host checks want 95 % of pieces in 5 to 200 characters, at most 2 % longer and 5 % shorter
 * (spec sheet 2.2). These sizes keep a distance from both edges, emoji of two units included.
 */
export const defaultPacket: Packet = { minimum: 20, maximum: 160, longestWait: 120 };

const settings: Readonly<Record<string, { field: keyof Packet; least: number; most: number }>> = {
  min: { field: "minimum", least: 0, most: 10_000 },
  max: { field: "maximum", least: 1, most: 100_000 },
  wait: { field: "longestWait", least: 0, most: 60_000 },
};

/** Reads a header such as `min=1,max=200,wait=50` over `base`; `invalid` names the header. */
export function readPacket(header: string | undefined, name: string, base: Packet): Packet {
  if (header === undefined || header.trim() === "") return base;
  const packet = { ...base };
  for (const pair of header.split(",")) {
    const match = /^\s*(min|max|wait)\s*=\s*(\d{1,6})\s*$/.exec(pair);
    const setting = settings[match?.[1] ?? ""];
    const value = Number(match?.[2]);
    if (setting === undefined || value < setting.least || value > setting.most) {
      throw invalid(name, "must look like min=20,max=160,wait=120");
    }
    packet[setting.field] = value;
  }
  if (packet.minimum > packet.maximum) throw invalid(name, "min must not exceed max");
  return packet;
}
