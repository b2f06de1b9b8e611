import { textCipher } from "../../src/lib/cipher.ts";
/** The pure parts, without a network: what one delta, one piece, one chunk costs. */
import { markupParser } from "../../src/engine/markup/parser.ts";
import { plainText } from "../../src/engine/upstream/read/markup.ts";
import { ChatDecoder } from "../../src/engine/upstream/read/decode.ts";
import { dialects } from "../../src/engine/upstream/dialect/dialect.ts";
import { Repairs } from "../../src/engine/upstream/read/repair.ts";
import { SseReader } from "../../src/engine/upstream/wire/sse.ts";
import { documentedCards } from "../../src/model/card.ts";
import { EventBuilder } from "../../src/model/event-builder.ts";
import { ParleyError } from "../../src/model/error.ts";
import type { Batch } from "../../src/model/event.ts";
import { systemIds, vendorId } from "../../src/model/id.ts";
import { Transcript } from "../../src/model/transcript.ts";
import { chatSurface } from "../../src/surface/chat/index.ts";
import { responsesSurface } from "../../src/surface/responses/index.ts";
import type { ParseContext, Surface } from "../../src/surface/surface.ts";
import { processorTime, type Row } from "./row.ts";

const deltas = 400;
const words = ["The ", "quick ", "brown ", "狐狸 ", "jumps ", "over ", '"lazy" ', "dogs.\n"];
const roundMs = 120;

/** An answer as an engine says it: a thought, a text, one batch a token. */
const batches: readonly Batch[] = sayAnswer();

function sayAnswer(): Batch[] {
  const out = new EventBuilder();
  const said: Batch[] = [];
  for (let index = 0; index < deltas; index += 1) {
    const word = words[index % words.length] ?? "";
    if (index < deltas / 4) out.reasoning(word);
    else out.text(word);
    said.push(out.take());
  }
  out.usage({ input: 40, output: deltas, reasoning: deltas / 4, cached: 0 });
  out.finish("stop");
  said.push(out.take());
  return said;
}

function context(): ParseContext {
  return {
    id: vendorId(systemIds),
    createdAt: 1_780_152_150,
    strict: false,
    card: (name) => {
      const card = documentedCards.find((one) => one.id === name);
      if (card === undefined) throw new ParleyError("invalid", name);
      return card;
    },
    header: () => undefined,
  };
}

function encode<Wanted extends { stream: boolean }>(surface: Surface<Wanted>, body: unknown): Row {
  const exchange = surface.parse(body, context());
  let bytes = 0;
  const spent = processorTime(() => {
    const transcript = new Transcript();
    const encoder = surface.sse(exchange);
    bytes = 0;
    for (const batch of batches) {
      transcript.apply(batch);
      bytes += encoder.encode(batch, transcript).length;
    }
  }, roundMs);
  const note = `${deltas} token batches -> ${bytes} characters`;
  return { shape: `${surface.name} encode`, value: spent / deltas, unit: "us/delta", note };
}

function upstreamDecode(): Row {
  const reads = upstreamReads();
  const spent = processorTime(() => {
    const decoder = new ChatDecoder({
      dialect: dialects.generic,
      repairs: new Repairs(),
      markup: plainText,
      tools: [],
      callId: () => "c",
      estimateInput: () => 1,
    });
    const events = new SseReader((data) => decoder.data(data));
    for (const read of reads) {
      events.feed(read);
      decoder.take();
    }
    events.end();
    decoder.end();
  }, roundMs);
  return { shape: "upstream decode", value: spent / deltas, unit: "us/chunk", note: "16 chunks a network read" };
}

function upstreamReads(): Uint8Array[] {
  const chunks = Array.from({ length: deltas }, (_, index) => ({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1_780_152_150,
    model: "m",
    choices: [{ index: 0, delta: { content: words[index % words.length] }, finish_reason: null }],
  }));
  const lines = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
  lines.push(`data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n`, "data: [DONE]\n\n");
  const reads: Uint8Array[] = [];
  for (let at = 0; at < lines.length; at += 16) reads.push(Buffer.from(lines.slice(at, at + 16).join("")));
  return reads;
}

const call =
  '<minimax:tool_call>\n<invoke name="write_file">\n<parameter name="path">src/main.ts</parameter>\n' +
  '<parameter name="content">const a = "<b>";\nconst 数 = [1, 2, 3];\n</parameter>\n</invoke>\n</minimax:tool_call>';

function markupParse(): Row {
  const prose = words.join("").repeat(20);
  const text = `<think>\n${prose}</think>\n\n${prose}${call}`;
  const pieces = text.match(/[^]{1,5}/g) ?? [];
  const tool = {
    name: "write_file",
    parameters: { type: "object", properties: { path: { type: "string" }, content: { type: "string" } } },
    strict: false,
  };
  const spent = processorTime(() => {
    const out = new EventBuilder();
    const parser = markupParser({
      think: { tags: ["think"], startsInside: false },
      calls: "m2",
      tools: [tool],
      callId: () => "c",
    });
    for (const piece of pieces) {
      parser.feed(piece, out);
      out.take();
    }
    parser.end(out, false);
  }, roundMs);
  const note = `thought, text and one call of M2, ${pieces.length} pieces of 5 characters`;
  return { shape: "markup parse", value: spent / pieces.length, unit: "us/piece", note };
}

/** The shapes that need nothing but this process. */
export function measurePieces(): Row[] {
  const chat = chatSurface();
  const responses = responsesSurface({
    ids: systemIds,
    defaultReasoning: "off",
    storeDefault: false,
    cipher: textCipher("bench"),
  });
  const messages = [{ role: "user", content: "Tell me something." }];
  return [
    encode(chat, { model: "MiniMax-M3", stream: true, messages }),
    encode(responses, { model: "MiniMax-M3", stream: true, input: messages }),
    upstreamDecode(),
    markupParse(),
  ];
}
