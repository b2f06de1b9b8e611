import { describe, expect, test } from "vitest";
import { ParleyError } from "../../../src/model/error.ts";
import type { Item } from "../../../src/model/item.ts";
import { emptyToolbox } from "../../../src/surface/responses/tools.ts";
import { compactionBody, compactionRequest } from "../../../src/surface/responses/compaction.ts";
import { finish } from "../../../src/lib/time-slices.ts";
import { needsRecall } from "../../../src/model/response.ts";
import { recalled as recalledSteps } from "../../../src/surface/responses/history.ts";
import { inputItems } from "../../../src/surface/responses/input-items.ts";
import { parseItems } from "../../../src/surface/responses/item.ts";
import { answerItems } from "../../../src/surface/responses/output.ts";
import { problems } from "./open-responses.ts";
import type { JsonObject } from "../../../src/model/json.ts";
import { answer, contextWith, eventsOf, folded, parseM3, plainCipher, streamed, surfaceWith } from "./harness.ts";

const recalled = (...given: Parameters<typeof recalledSteps>) => finish(recalledSteps(...given));

const tool = () => ({ type: "function", name: "f" });

function message(role: "user" | "assistant" | "system", text: string): Item {
  return { type: "message", role, parts: [{ type: "text", text }] };
}
const nothing = { history: [], resolve: () => undefined };

describe("recall", () => {
  test("only a previous response or a reference needs it", () => {
    expect(needsRecall(parseM3({}).answerOptions)).toBe(false);
    expect(needsRecall(parseM3({ previous_response_id: "r" }).answerOptions)).toBe(true);
    expect(needsRecall(parseM3({ input: [{ id: "m" }] }).answerOptions)).toBe(true);
  });

  test("instructions, then history, then the input, references replaced in place", () => {
    const parsed = parseM3({
      previous_response_id: "r",
      instructions: "New rules.",
      input: [
        { type: "item_reference", id: "m" },
        { role: "user", content: "Go on." },
      ],
    });
    const stored = [message("assistant", "stored")];
    const { request, answerOptions } = recalled(parsed, {
      history: [message("user", "Hi"), message("assistant", "Hello")],
      resolve: (id) => (id === "m" ? stored : undefined),
    });
    expect(request.items).toEqual([
      message("system", "New rules."),
      message("user", "Hi"),
      message("assistant", "Hello"),
      ...stored,
      message("user", "Go on."),
    ]);
    expect(answerOptions.input).toEqual([...stored, message("user", "Go on.")]);
  });

  test("a result may answer a call of the history", () => {
    const parsed = parseM3({
      previous_response_id: "r",
      input: [{ type: "function_call_output", call_id: "a", output: "1" }],
    });
    const call: Item = { type: "call", id: "a", name: "f", args: "{}" };
    expect(recalled(parsed, { ...nothing, history: [call] }).request.items).toHaveLength(2);
    expect(() => recalled(parsed, nothing)).toThrow("input: tool result's tool id(a) not found");
  });

  test("calls of the history want their results", () => {
    const call: Item = { type: "call", id: "a", name: "f", args: "{}" };
    const parsed = parseM3({ previous_response_id: "r" });
    expect(() => recalled(parsed, { ...nothing, history: [call] })).toThrow("input: no tool output found for call a");
  });

  test("an unknown reference names its place", () => {
    const parsed = parseM3({
      input: [
        { role: "user", content: "x" },
        { type: "item_reference", id: "m" },
      ],
    });
    const act = () => recalled(parsed, nothing);
    expect(act).toThrow(ParleyError);
    expect(act).toThrow('input[1]: item "m" not found');
  });

  test("reasoning that is gone is left out", () => {
    const parsed = parseM3({
      input: [
        { type: "item_reference", id: "abc123_rs_1" },
        { role: "user", content: "x" },
      ],
    });
    expect(recalled(parsed, nothing).request.items).toEqual([message("user", "x")]);
  });

  test("an empty input may follow a previous response", () => {
    expect(parseM3({ input: undefined, previous_response_id: "r" }).answerOptions.input).toEqual([]);
  });
});

describe("what history keeps of an answer", () => {
  test("reasoning, text and calls, one item for each of the output", () => {
    const events = answer((emitter) => {
      emitter.reasoning("Hmm");
      emitter.text("Look:");
      emitter.callStart("a", "f");
      emitter.callDelta("{}");
    }, "calls");
    expect(answerItems(folded(events))).toEqual([
      { type: "reasoning", text: "Hmm" },
      message("assistant", "Look:"),
      { type: "call", id: "a", name: "f", args: "{}" },
    ]);
  });

  test("a call that was cut is kept as words", () => {
    const events = answer((emitter) => {
      emitter.text("Look:");
      emitter.callStart("a", "f");
      emitter.callDelta('{"city": "Be');
    }, "length");
    expect(answerItems(folded(events))).toEqual([
      message("assistant", "Look:"),
      message("assistant", "(A call of f was cut short.)"),
    ]);
  });

  test("the output read back as input gives the same items", () => {
    const parsed = parseM3({ include: ["reasoning.encrypted_content"] });
    const transcript = folded(
      answer((emitter) => {
        emitter.reasoning("Hmm");
        emitter.text("Look:");
        emitter.callStart("a", "f");
        emitter.callDelta("{}");
      }, "calls"),
    );
    const { output } = surfaceWith().json(transcript, parsed) as { output: unknown[] };
    const context = {
      card: contextWith().card("MiniMax-M3"),
      strict: false,
      cipher: plainCipher,
      toolbox: emptyToolbox(),
    };
    expect(finish(parseItems(output, "output", context)).items).toEqual(answerItems(transcript));
  });
});

describe("input items in wire form", () => {
  test("a string", () => {
    expect(inputItems({ input: "Hi" }, "r")).toEqual([
      {
        role: "user",
        id: "r_in_0",
        type: "message",
        status: "completed",
        content: [{ type: "input_text", text: "Hi" }],
      },
    ]);
  });

  test("ids, types and states come first, as in every item", () => {
    const [item] = inputItems({ input: [{ role: "user", content: "Hi", type: "message", id: null }] }, "r");
    expect(Object.keys(item ?? {})).toEqual(["id", "type", "status", "role", "content"]);
    expect(item?.["id"]).toBe("r_in_0");
  });

  test("items keep what they have and get what they lack; all are valid", () => {
    const items = inputItems(
      {
        input: [
          { role: "assistant", content: "Yes", phase: "final_answer" },
          { type: "function_call", call_id: "a", name: "f", arguments: "{}", id: "fc_1" },
          { type: "function_call_output", call_id: "a", output: "1" },
          { type: "reasoning", summary: [] },
          { id: "m" },
        ],
      },
      "r",
    );
    expect(items.map(({ id }) => id)).toEqual(["r_in_0", "fc_1", "r_in_2", "r_in_3", "m"]);
    expect(items[0]).toMatchObject({ phase: "final_answer", content: [{ type: "output_text", text: "Yes" }] });
    expect(items[4]).toEqual({ id: "m", type: "item_reference" });
    expect(items.slice(0, 4).flatMap((item) => problems(item, "ItemField"))).toEqual([]);
  });
});

describe("a compaction", () => {
  const trigger = { type: "compaction_trigger" };
  const asked = parseM3({ input: [{ role: "user", content: "We launch on Tuesday." }, trigger], tools: [tool()] });
  const summarized = answer((builder) => builder.text("  Launch: Tuesday.\n"));

  test("asks the model for a summary, without tools", () => {
    const request = compactionRequest(asked);
    expect(request).toMatchObject({ tools: [], toolChoice: "none", format: { type: "text" } });
    expect(request.items).toHaveLength(2);
  });

  test("is a response with one item, valid as input of the next request", () => {
    const body = surfaceWith().json(folded(summarized), asked) as JsonObject;
    expect(body).toMatchObject({ object: "response", status: "completed", output_text: "" });
    expect(body["output"]).toMatchObject([{ type: "compaction", encrypted_content: expect.any(String) }]);
    const next = parseM3({ input: [...(body["output"] as unknown[]), { role: "user", content: "When?" }] });
    expect(next.request.items[0]).toEqual(message("user", "Summary of the conversation so far:\n\nLaunch: Tuesday."));
    expect(problems(compactionBody(body), "CompactResource")).toEqual([]);
  });

  test("is streamed as the events of a response: the item is added and done, then the response is completed", () => {
    const batches = summarized.map((event) => [event]);
    const events = eventsOf(streamed(asked, batches));
    expect(events.map(({ type }) => type)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.output_item.done",
      "response.completed",
    ]);
    const [added, done, completed] = events.slice(2);
    expect(added?.["item"]).toEqual(done?.["item"]);
    expect(completed?.["response"]).toMatchObject({ object: "response", output: [done?.["item"]] });
  });

  test("that failed has no item and says why", () => {
    const failed = answer((builder) => builder.text("Lau"), "error");
    const events = eventsOf(streamed(asked, [failed]));
    expect(events.map(({ type }) => type)).toEqual(["response.created", "response.in_progress", "response.failed"]);
    expect(events.at(-1)?.["response"]).toMatchObject({ status: "failed", output: [] });
  });
});

test("a conversation of instructions only is not worth a compaction", () => {
  const parsed = parseM3({ input: [{ role: "system", content: "Be brief." }] });
  expect(() => compactionRequest(parsed)).toThrow("nothing to compact");
});
