import type { ResponseFacts, ResponseRecord, ResponseText, StoredText } from "../../src/store/store.ts";

/** A stored text as a whole. */
export async function textOf(stored: StoredText): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stored.chunks()) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

export type WholeResponse = ResponseFacts & Record<ResponseText, string>;

/** A stored response with its texts as strings. */
export async function wholeResponse(record: ResponseRecord | undefined): Promise<WholeResponse | undefined> {
  if (record === undefined) return undefined;
  const { body, input, items, output, events, ...facts } = record;
  return {
    ...facts,
    body: await textOf(body),
    input: await textOf(input),
    items: await textOf(items),
    output: await textOf(output),
    events: await textOf(events),
  };
}
