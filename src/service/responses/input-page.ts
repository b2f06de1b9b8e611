import { ElementScanner, type ArrayElement } from "../../lib/json-scanner/elements.ts";
import type { TimeSlices } from "../../lib/time-slices.ts";
import { invalid } from "../../model/error.ts";
import { isObject, parseJson } from "../../model/json.ts";
import type { StoredText } from "../../store/store.ts";

/** Which of the input items are listed. */
export interface PageQuery {
  limit: number;
  /** `desc`: the newest first. */
  order: "asc" | "desc";
  /** The id of the item before the page. */
  after: string | undefined;
}

/** A JSON text that is read as it is taken. */
export type PageText = Pick<StoredText, "bytes" | "loaded" | "chunks">;

/** Bytes up to which a page is put together at once. */
const smallBytes = 64 * 1024;

const comma = Buffer.from(",");
const openArray = 0x5b;

interface Selected {
  elements: readonly ArrayElement[];
  hasMore: boolean;
}

/**
 * One page of stored input items, as it is sent. The items are not parsed: their text is found in what is stored, and taken from
 * there. Throws `invalid` where there is no item `after`, and an `Error` where the text is no list.
 */
export async function inputPage(input: StoredText, query: PageQuery, slices: TimeSlices): Promise<PageText> {
  const list = new StoredList(input, slices);
  const { elements, hasMore } = await (query.order === "asc" ? list.oldest(query) : list.newest(query));
  const idAt = async (at: number): Promise<string | null> => {
    const element = elements.at(at);
    return element === undefined ? null : await list.idOf(element);
  };
  const before = Buffer.from('{"object":"list","data":[');
  const ends = { first_id: await idAt(0), last_id: await idAt(-1), has_more: hasMore };
  const after = Buffer.from(`],${JSON.stringify(ends).slice(1)}`);
  const commas = Math.max(0, elements.length - 1);
  const bytes = elements.reduce((sum, element) => sum + element.bytes, before.length + commas + after.length);
  const chunks = async function* (): AsyncGenerator<Buffer> {
    yield before;
    for (const [index, element] of elements.entries()) {
      if (index > 0) yield comma;
      yield* list.textOf(element);
    }
    yield after;
  };
  return { bytes, chunks, loaded: bytes > smallBytes ? undefined : await joined(chunks()) };
}

/** The elements of a stored list, found in one pass over its text. */
class StoredList {
  private readonly text: StoredText;
  private readonly slices: TimeSlices;

  constructor(text: StoredText, slices: TimeSlices) {
    this.text = text;
    this.slices = slices;
  }

  /** In the order in which they stand. */
  async oldest({ limit, after }: PageQuery): Promise<Selected> {
    const elements: ArrayElement[] = [];
    let begun = after === undefined;
    for await (const element of this.all()) {
      if (elements.length === limit) return { elements, hasMore: true };
      if (begun) elements.push(element);
      else begun = (await this.idOf(element)) === after;
    }
    if (!begun) throw unknownItem(after);
    return { elements, hasMore: false };
  }

  /** The last ones first. */
  async newest({ limit, after }: PageQuery): Promise<Selected> {
    const last: ArrayElement[] = [];
    let found: ArrayElement[] | undefined;
    for await (const element of this.all()) {
      if (after !== undefined && (await this.idOf(element)) === after) found = [...last];
      last.push(element);
      // one more shows that there is more
      if (last.length > limit + 1) last.shift();
    }
    const page = after === undefined ? last : found;
    if (page === undefined) throw unknownItem(after);
    return { elements: page.slice(-limit).reverse(), hasMore: page.length > limit };
  }

  async idOf(element: ArrayElement): Promise<string> {
    if (element.id !== undefined) return element.id;
    const item = parseJson(await joined(this.textOf(element)));
    return isObject(item) && typeof item["id"] === "string" ? item["id"] : "";
  }

  async *textOf({ from, to }: ArrayElement): AsyncGenerator<Buffer> {
    let number = from.piece;
    for await (const chunk of this.text.chunks(from.piece)) {
      yield chunk.subarray(number === from.piece ? from.at : 0, number === to.piece ? to.at : undefined);
      if (number === to.piece) return;
      number += 1;
    }
  }

  private async *all(): AsyncGenerator<ArrayElement> {
    const scanner = new ElementScanner();
    let first = true;
    for await (const chunk of this.text.chunks()) {
      if (first && chunk[0] !== openArray) throw new Error("the stored input of a response cannot be read");
      if (!first) await this.slices.pause();
      first = false;
      yield* scanner.push(chunk);
    }
  }
}

function unknownItem(after: string | undefined): Error {
  return invalid("after", `no input item ${JSON.stringify(after?.slice(0, 100))}`);
}

async function joined(chunks: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString();
}
