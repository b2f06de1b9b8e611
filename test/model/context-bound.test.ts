import { expect, it } from "vitest";
import { refuseOverlong } from "../../src/model/context-bound.ts";
import type { Item } from "../../src/model/item.ts";
import { textPart } from "../../src/model/item.ts";
import { generationRequest } from "../support/request.ts";

const message = (text: string): Item => ({ type: "message", role: "user", parts: [textPart(text)] });

function kindOf(items: readonly Item[], window: number, description?: string): string {
  const tool = { name: "f", parameters: {}, ...(description === undefined ? {} : { description }) };
  try {
    refuseOverlong(generationRequest({ items, tools: [tool] }), window);
    return "fits";
  } catch (thrown) {
    return (thrown as { kind: string }).kind;
  }
}

it.each<[string, Item[], string]>([
  ["8 characters a token, less 2 tokens an item", [message("x".repeat(8 * 98))], "fits"],
  ["one character more", [message("x".repeat(8 * 98 + 1))], "context"],
  ["50 empty items", Array.from({ length: 50 }, () => message("")), "fits"],
  ["51 empty items", Array.from({ length: 51 }, () => message("")), "context"],
  ["arguments", [{ type: "call", id: "c", name: "f", args: "x".repeat(800) }], "context"],
  ["reasoning", [{ type: "reasoning", text: "x".repeat(800) }], "context"],
  ["a result", [{ type: "result", id: "c", parts: [textPart("x".repeat(800))], failed: false }], "context"],
  [
    "a picture, whatever its bytes",
    [
      {
        type: "message",
        role: "user",
        parts: [
          { type: "image", detail: "low", media: { kind: "url", url: `data:image/png;base64,${"A".repeat(9_000)}` } },
        ],
      },
    ],
    "fits",
  ],
])("a window of 100 tokens and %s", (_name, items, outcome) => {
  expect(kindOf(items, 100)).toBe(outcome);
});

it("counts the descriptions of tools", () => {
  expect(kindOf([message("x")], 100, "d".repeat(780))).toBe("fits");
  expect(kindOf([message("x")], 100, "d".repeat(800))).toBe("context");
});

it("counts the names and texts in the parameters of tools that may be called", () => {
  const properties = Object.fromEntries(
    Array.from({ length: 100 }, (_, index) => [`p${index}`, { enum: ["a", index] }]),
  );
  const tools = [{ name: "f", parameters: { type: "object", properties } }];
  const items = [message("x")];
  // 20 of the schema's own, 290 of 100 names, 500 of their enums
  expect(() => refuseOverlong(generationRequest({ items, tools }), 98)).toThrow("characters");
  expect(() => refuseOverlong(generationRequest({ items, tools }), 110)).not.toThrow();
  expect(() => refuseOverlong(generationRequest({ items, tools, toolChoice: "none" }), 98)).not.toThrow();
});
