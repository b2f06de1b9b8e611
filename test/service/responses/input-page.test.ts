import fc from "fast-check";
import { expect, it } from "vitest";
import { TimeSlices } from "../../../src/lib/time-slices.ts";
import { inputPage, type PageQuery } from "../../../src/service/responses/input-page.ts";
import { loadedText } from "../../../src/store/long-text.ts";
import type { StoredText } from "../../../src/store/store.ts";

const slices = new TimeSlices();
type Listed = Record<string, unknown>;

/** What a page must be, made of the items themselves. */
function page(items: readonly Listed[], { limit, order, after }: PageQuery): string | undefined {
  const sorted = order === "asc" ? items : items.toReversed();
  const before = after === undefined ? -1 : sorted.findIndex(({ id }) => id === after);
  if (after !== undefined && before < 0) return undefined;
  const data = sorted.slice(before + 1, before + 1 + limit);
  const ends = { first_id: data[0]?.["id"] ?? null, last_id: data.at(-1)?.["id"] ?? null };
  return JSON.stringify({ object: "list", data, ...ends, has_more: before + 1 + limit < sorted.length });
}

function pieced(text: string, length: number): StoredText {
  const all = Buffer.from(text);
  const chunks = async function* (first = 0): AsyncGenerator<Buffer> {
    for (let from = first * length; from < all.length; from += length) yield all.subarray(from, from + length);
  };
  return { ...loadedText(text), loaded: undefined, chunks };
}

it("is the same text as that of the items themselves, for any list, query and pieces", async () => {
  const id = fc.constantFrom("a", "b", "c", 'é"', "d");
  const items = fc.array(fc.oneof(fc.record({ id, content: fc.jsonValue() }), fc.record({ content: fc.string(), id })));
  const query = fc.record({
    limit: fc.integer({ min: 1, max: 4 }),
    order: fc.constantFrom("asc" as const, "desc" as const),
    after: fc.option(id, { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(items, query, fc.integer({ min: 1, max: 50 }), async (list, asked, length) => {
      const expected = page(list, asked);
      const found = inputPage(pieced(JSON.stringify(list), length), asked, slices);
      if (expected === undefined) await expect(found).rejects.toMatchObject({ kind: "invalid", param: "after" });
      else expect(await found).toMatchObject({ loaded: expected, bytes: Buffer.byteLength(expected) });
    }),
  );
});

it("of a long item is sent as it is read, and holds no more than a piece of it", async () => {
  const items = [{ id: "a", content: "看".repeat(200_000) }, { id: "b" }];
  const asked = { limit: 20, order: "desc", after: undefined } as const;
  const found = await inputPage(pieced(JSON.stringify(items), 65_536), asked, slices);
  expect(found.loaded).toBeUndefined();
  const chunks: Buffer[] = [];
  for await (const chunk of found.chunks()) {
    expect(chunk.length).toBeLessThanOrEqual(65_536);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks);
  expect(text.toString() === page(items, asked)).toBe(true);
  expect(found.bytes).toBe(text.length);
});

it("of a text that is no list is an error", async () => {
  const asked = { limit: 20, order: "asc", after: undefined } as const;
  await expect(inputPage(loadedText('{"a":1}'), asked, slices)).rejects.toThrow("cannot be read");
});
