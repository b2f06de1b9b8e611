import { expect, it } from "vitest";
import { LongText } from "../../../src/lib/long-text.ts";
import { Fields } from "../../../src/surface/shared/fields.ts";
import { refuseOverlongBody } from "../../../src/surface/shared/prompt-size.ts";

/** 100 tokens are 800 characters. */
function kindOf(messages: unknown): string {
  try {
    refuseOverlongBody(Fields.of({ messages, other: "x".repeat(9_000) }, ""), ["messages"], 100);
    return "fits";
  } catch (thrown) {
    return (thrown as { kind: string }).kind;
  }
}

const long = (chars: number): string => "x".repeat(chars);

it.each<[string, unknown, string]>([
  ["a text", long(864), "fits"],
  ["a longer text", long(865), "context"],
  ["a text in pieces", new LongText([long(800), long(64)]), "fits"],
  ["a longer text in pieces", new LongText([long(800), long(65)]), "context"],
  ["a longer text in pieces in a message", [{ content: new LongText([long(800), long(65)]) }], "context"],
  ["texts of several messages", [{ content: long(464) }, { content: [{ type: "text", text: long(465) }] }], "context"],
  ["short words", Array.from({ length: 200 }, () => ({ role: "user", content: long(64) })), "fits"],
  ["a picture", [{ content: [{ type: "image_url", image_url: { url: long(9_000) } }] }], "fits"],
  [
    "a document",
    [{ content: [{ type: "tool_result", content: [{ type: "document", source: { data: long(9_000) } }] }] }],
    "fits",
  ],
  ["a message that says it is a picture", [{ type: "image_url", content: long(9_000) }], "context"],
  [
    "one text in three forms",
    [{ encrypted_content: long(800), summary: [{ text: long(600) }], content: long(700) }],
    "fits",
  ],
  ["arguments", [{ tool_calls: [{ function: { name: "f", arguments: long(900) } }] }], "context"],
  ["no list", 7, "fits"],
])("%s", (_name, messages, outcome) => {
  expect(kindOf(messages)).toBe(outcome);
});
