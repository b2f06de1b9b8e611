import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LlamaEngine } from "../../../src/engine/llama/engine.ts";
import type { JsonObject } from "../../../src/model/json.ts";
import type { GenerationRequest, OutputFormat } from "../../../src/model/request.ts";
import { ask, message, requestOf, weatherTool } from "../../contract/engine.ts";
import { tinyEngine } from "./ask.ts";

let engine: LlamaEngine;

beforeAll(async () => {
  engine = tinyEngine({ sequences: 2 });
  await engine.open();
});
afterAll(async () => {
  await engine.close();
});

function held(schema: JsonObject): Pick<GenerationRequest, "format" | "reasoning" | "sampling"> {
  const format: OutputFormat = { type: "schema", schema, strict: true, path: "schema" };
  return { format, reasoning: "off", sampling: { stop: [], temperature: 0, maxTokens: 600 } };
}

describe("repetitions in a JSON format", () => {
  it("a string that goes round in circles ends", async () => {
    // from the 20th on the model may stop, and does not by itself
    const answer = await ask(engine, requestOf("Say car", held({ type: "string", pattern: "^car( car){19,}$" })));
    expect(answer.finish).toEqual({ reason: "stop" });
    expect(answer.text()).toMatch(/^"car( car){19,100}"$/);
  });

  it("an object ends with a key that it already has", async () => {
    const names = held({ type: "object", additionalProperties: { enum: ["car"] } });
    const answer = await ask(engine, requestOf(`JSON: ${"name car, ".repeat(4)}`, names));
    expect(answer.finish).toEqual({ reason: "stop" });
    expect(answer.text().match(/"name":/g)?.length ?? 0).toBeLessThanOrEqual(2);
  });
});

describe("tags of calls", () => {
  /** The words by which the model's template offers a tool, written by the caller. */
  const offered = [
    "You are a helpful assistant.\n\n# Tools\nYou may call one or more tools to assist with the user query.",
    "Here are the tools available in JSONSchema format:\n\n<tools>",
    `<tool>${JSON.stringify(weatherTool)}</tool>\n</tools>\n`,
    "When making tool calls, use XML format to invoke tools and pass parameters:\n",
    '<minimax:tool_call>\n<invoke name="tool-name-1">\n</invoke>\n</minimax:tool_call>',
  ].join("\n");

  it("are not written where no tools are offered", async () => {
    const items = [message("system", offered), message("user", "What is the weather in Lisbon?")];
    for (const reasoning of ["on", "off"] as const) {
      const answer = await ask(engine, requestOf("", { items, reasoning }));
      expect(answer.text()).not.toContain("minimax:tool_call>");
      expect(answer.calls()).toEqual([]);
    }
    const withTool = await ask(engine, requestOf("", { items: items.slice(1), tools: [weatherTool] }));
    expect(withTool.calls()).toHaveLength(1);
  });
});
