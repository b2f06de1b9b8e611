import type { Packet } from "./packet.ts";

const none: readonly string[] = [];
/** Characters under which a piece counts as tiny by the vendor's checks. */
const tiny = 5;
/** Units a first piece needs and units held back for the last piece: above `tiny` also when half are surrogates. */
const small = 8;
/** How many longest waits a tiny piece is held, so that a slow model does not drip single characters. */
const patience = 4;
const joiner = 0x200d;
const clusters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * Gathers the small pieces of a model into packets of a good size. Cuts never split a think tag, a surrogate pair or
 * a grapheme. The last few characters stay back until `drain`, so that the last packet is not a tiny one.
 */
export class PacketShaper {
  // fixed at birth
  private readonly packet: Packet;
  // changed by events
  private held = "";
  private solids: { start: number; end: number }[] = [];
  private first = true;
  private waits = 0;

  constructor(packet: Packet) {
    this.packet = packet;
  }

  get pending(): boolean {
    return this.held !== "";
  }

  push(text: string, solid: boolean): void {
    if (solid) this.solids.push({ start: this.held.length, end: this.held.length + text.length });
    this.held += text;
  }

  /** Packets that are ready. */
  take(): readonly string[] {
    const least = this.first ? Math.min(this.packet.minimum, small) : this.packet.minimum;
    const keep = Math.min(least, small);
    return this.held.length < least + keep ? none : this.cut(this.held.length - keep);
  }

  /** All that is held, after the longest wait; less than `tiny` characters wait a few times longer. */
  wait(): readonly string[] {
    const least = Math.min(tiny, this.packet.minimum);
    if (this.held.length < least * 2 && countPoints(this.held) < least && this.waits < patience) {
      this.waits += 1;
      return none;
    }
    return this.cut(this.held.length);
  }

  /** All that is held, at the end of its text; the next text starts anew. */
  drain(): readonly string[] {
    const packets: string[] = [];
    while (this.held !== "") {
      const cut = this.cut(this.held.length);
      packets.push(...(cut.length > 0 ? cut : [this.remove(this.held.length)]));
    }
    this.first = true;
    return packets;
  }

  private cut(end: number): readonly string[] {
    const packets: string[] = [];
    const { maximum } = this.packet;
    for (let left = end; left > 0;) {
      // Two halves instead of a full packet and a crumb.
      const size = left > maximum && left < 2 * maximum ? Math.ceil(left / 2) : Math.min(left, maximum);
      const place = this.boundary(size);
      if (place === 0) break;
      packets.push(this.remove(place));
      left -= place;
    }
    return packets;
  }

  private remove(place: number): string {
    const packet = this.held.slice(0, place);
    this.held = this.held.slice(place);
    this.solids = this.solids
      .filter((solid) => solid.end > place)
      .map((solid) => ({ start: solid.start - place, end: solid.end - place }));
    this.first = false;
    this.waits = 0;
    return packet;
  }

  /** The place near `wanted` where a cut does no harm; 0 when there is none yet. */
  private boundary(wanted: number): number {
    const solid = this.solids.find((one) => one.start < wanted && wanted < one.end);
    if (solid !== undefined) return solid.start >= tiny ? solid.start : solid.end;
    if (wanted === this.held.length) return this.finished();
    const place = clusterStart(this.held, wanted);
    if (place > 0 || wanted < this.packet.maximum) return place;
    // One cluster longer than a packet: only the surrogate pair is kept whole.
    return isLow(this.held.charCodeAt(wanted)) && wanted > 1 ? wanted - 1 : wanted;
  }

  /** The held length without a character that is still growing. */
  private finished(): number {
    const last = this.held.charCodeAt(this.held.length - 1);
    if (isHigh(last)) return this.held.length - 1;
    return last === joiner ? clusterStart(this.held, this.held.length - 1) : this.held.length;
  }
}

/** The start of the grapheme that holds the unit at `place`, looked at in a small window. */
function clusterStart(text: string, place: number): number {
  if (isPlain(text.charCodeAt(place)) && isPlain(text.charCodeAt(place - 1))) return place;
  let from = Math.max(0, place - 64);
  if (isLow(text.charCodeAt(from)) && from > 0) from -= 1;
  const found = clusters.segment(text.slice(from, place + 64)).containing(place - from);
  return found === undefined ? place : from + found.index;
}

/** Latin, and Han ideographs: never joined with their neighbours, save for a carriage return. */
function isPlain(code: number): boolean {
  return (code >= 0x20 && code < 0x300) || (code >= 0x3400 && code < 0xa000);
}

function isHigh(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000;
}

function countPoints(text: string): number {
  return Array.from(text).length;
}
