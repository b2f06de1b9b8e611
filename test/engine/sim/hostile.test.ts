import { describe, expect, it } from "vitest";
import { answerTokens } from "../../../src/engine/sim/answer.ts";
import { planReply } from "../../../src/engine/sim/reply.ts";
import type { ToolDefinition } from "../../../src/model/request.ts";
import { message, requestOf } from "../../contract/engine.ts";

const names = ["city", "path", "email", "content", "name", "date", "expression", "command", "x"];
const properties = Object.fromEntries(names.map((name) => [name, { type: "string" }]));
const tool: ToolDefinition = { name: "t", parameters: { type: "object", properties, required: names } };

/** Texts made of one piece over and over: what backtracking patterns stumble over. */
const pieces = [
  " ",
  "1",
  "1+",
  "(",
  "A and ",
  "'",
  '"',
  "`",
  "<a>",
  "say ",
  "repeat ",
  "only say ",
  "哈",
  "重复",
  "北京和",
  "a.",
  "a@",
  "-",
  "x = ",
  "包含 a、",
  "if 'a' ",
  "\ud800",
];

it("arguments of many tokens are an answer like any other", () => {
  const calls = [{ name: "t", args: JSON.stringify(Array.from({ length: 200_000 }, (_, index) => index)) }];
  const tokens = answerTokens({ thought: "", text: "", calls }, []);
  expect(tokens.map(({ text }) => text).join("")).toBe(`t${calls[0]?.args}`);
});

describe("hostile texts", () => {
  it.each(pieces)("half a megabyte of %j is answered in no time", (piece) => {
    const text = piece.repeat(Math.ceil(500_000 / piece.length));
    const items = [message("system", text.slice(0, 2_000)), message("user", text)];
    const start = performance.now();
    const answers = [
      planReply(requestOf("", { items, reasoning: "on" })),
      planReply(requestOf(text, { tools: [tool] })),
      planReply(requestOf(`say: ${text}`, { format: { type: "schema", schema: tool.parameters, strict: true } })),
    ];
    expect(performance.now() - start).toBeLessThan(3_000);
    expect(answers.every(({ text: said, calls }) => said !== "" || calls.length > 0)).toBe(true);
  });
});
