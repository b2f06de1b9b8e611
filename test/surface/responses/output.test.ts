import { describe, expect, test } from "vitest";
import type { FinishReason } from "../../../src/model/event.ts";
import { EventBuilder } from "../../../src/model/event-builder.ts";
import type { ErrorKind } from "../../../src/model/error.ts";
import { errorKinds, ParleyError } from "../../../src/model/error.ts";
import type { JsonObject } from "../../../src/model/json.ts";
import { Transcript } from "../../../src/model/transcript.ts";
import { answer, eventsOf, folded, parseM3, plainCipher, streamed, surfaceWith } from "./harness.ts";

function bodyOf(reason: FinishReason, error?: ParleyError): JsonObject {
  const emitter = new EventBuilder();
  emitter.reasoning("Hmm");
  emitter.text("Half a");
  emitter.finish(reason, error);
  return surfaceWith().json(folded(emitter.take()), parseM3({})) as JsonObject;
}

describe("status", () => {
  test.each([
    ["stop", "completed", null, "completed"],
    ["calls", "completed", null, "completed"],
    ["length", "incomplete", { reason: "max_output_tokens" }, "incomplete"],
    ["filter", "incomplete", { reason: "content_filter" }, "incomplete"],
  ] as const)("%s: %s", (reason, status, incomplete_details, itemStatus) => {
    const body = bodyOf(reason);
    expect(body).toMatchObject({ status, incomplete_details, error: null });
    expect(body["output"]).toMatchObject([{ status: "completed" }, { status: itemStatus }]);
    expect(body["completed_at"]).toBe(status === "completed" ? 1_764_000_001 : null);
  });

  test("an error: failed, with the vendor's words and a code; our own faults stay ours", () => {
    const secret = new ParleyError("internal", "password is 1234");
    expect(bodyOf("error", secret)).toMatchObject({
      status: "failed",
      error: { code: "server_error", message: "unknown error, 999 (1000)" },
    });
    expect(bodyOf("error", new ParleyError("overloaded", "no slot"))).toMatchObject({
      error: { code: "server_is_overloaded", message: "no slot (2064)" },
    });
  });

  test("canceled: cancelled", () => {
    expect(bodyOf("error", new ParleyError("canceled", "stop"))).toMatchObject({ status: "cancelled", error: null });
  });

  test("an unfinished answer is in progress, and so is its last item", () => {
    const emitter = new EventBuilder();
    emitter.reasoning("Hmm");
    emitter.text("Half a");
    const transcript = new Transcript();
    transcript.apply(emitter.take());
    expect(surfaceWith().json(transcript, parseM3({}))).toMatchObject({
      status: "in_progress",
      output: [{ status: "completed" }, { status: "in_progress" }],
      completed_at: null,
    });
  });
});

test("newlines between reasoning and answer are not part of the answer, however they are cut", () => {
  const events = answer((emitter) => {
    emitter.reasoning("Hmm");
    for (const piece of ["\n", "\n", "\nHello", "\n", "you"]) emitter.text(piece);
  });
  expect(surfaceWith().json(folded(events), parseM3({}))).toMatchObject({ output_text: "Hello\nyou" });
  const deltas = eventsOf(
    streamed(
      parseM3({}),
      events.map((event) => [event]),
    ),
  ).filter(({ type }) => type === "response.output_text.delta");
  expect(deltas.map(({ delta }) => delta)).toEqual(["Hello", "\n", "you"]);
});

test("ids are unique however often a kind of item comes", () => {
  const events = answer((emitter) => {
    for (const round of [1, 2, 3]) {
      emitter.reasoning("r");
      emitter.text("t");
      emitter.callStart(`c${round}`, "f");
      emitter.callDelta("{}");
    }
  }, "calls");
  const { output, output_text } = surfaceWith().json(folded(events), parseM3({})) as {
    output: { id: string }[];
    output_text: string;
  };
  const endings = ["rs", "msg", "fc_0", "rs_1", "msg_1", "fc_1", "rs_2", "msg_2", "fc_2"];
  expect(output.map(({ id }) => id)).toEqual(endings.map((ending) => `abc123_${ending}`));
  expect(output_text).toBe("ttt");
});

test("a call without arguments is called with none", () => {
  const events = answer((emitter) => emitter.callStart("a", "f"), "calls");
  const wire = eventsOf(streamed(parseM3({}), [events]));
  expect(wire.find(({ type }) => type === "response.function_call_arguments.done")).toMatchObject({ arguments: "{}" });
  expect(wire.at(-1)).toMatchObject({ response: { output: [{ arguments: "{}" }] } });
});

test("a stream that fails ends with response.failed, whole items first", () => {
  const emitter = new EventBuilder();
  emitter.text("Half a");
  emitter.finish("error", new ParleyError("upstream", "the engine went away"));
  const types = eventsOf(streamed(parseM3({}), [emitter.take()])).map(({ type }) => type);
  expect(types.slice(-4)).toEqual([
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.failed",
  ]);
});

test("a cancelled stream ends as failed, its status says the rest", () => {
  const emitter = new EventBuilder();
  emitter.text("Half a");
  emitter.finish("error", new ParleyError("canceled", "stop"));
  expect(eventsOf(streamed(parseM3({}), [emitter.take()])).at(-1)).toMatchObject({
    type: "response.failed",
    response: { status: "cancelled", error: null, output: [{ status: "incomplete" }] },
  });
});

test("reasoning is encrypted only when asked for, and looks the same in every event", () => {
  const events = answer((emitter) => emitter.reasoning("Hmm"));
  let count = 0;
  const cipher = { ...plainCipher, encrypt: (text: string) => `${++count}${text}` };
  const surface = surfaceWith({ cipher });
  const plain = streamed(parseM3({}), [events], surface);
  expect(plain).not.toContain("encrypted_content");
  const encrypted = eventsOf(streamed(parseM3({ include: ["reasoning.encrypted_content"] }), [events], surface));
  const done = encrypted.find(({ type }) => type === "response.output_item.done")?.["item"];
  expect(done).toMatchObject({ encrypted_content: "1reasoning:Hmm" });
  expect(encrypted.at(-1)).toMatchObject({ response: { output: [done] } });
});

describe("reasoning where a summary is asked for", () => {
  const events = answer((emitter) => {
    for (const piece of ["They want ", "blue."]) emitter.reasoning(piece);
    emitter.text("blue");
  });
  const batches = events.map((event) => [event]);
  const asking = (summary: unknown) => parseM3({ reasoning: { effort: "medium", summary } });

  test.each(["auto", "concise", "detailed"])("%s: it is the summary, and stands nowhere else", (summary) => {
    const item = {
      id: "abc123_rs",
      type: "reasoning",
      status: "completed",
      summary: [{ type: "summary_text", text: "They want blue." }],
    };
    const parsed = asking(summary);
    expect(surfaceWith().json(folded(events), parsed)).toMatchObject({ output: [item, {}], reasoning: { summary } });
    const wire = eventsOf(streamed(parsed, batches)).map(({ sequence_number: _, ...event }) => event);
    const at = { item_id: "abc123_rs", output_index: 0, summary_index: 0 };
    const opening = { ...item, status: "in_progress", summary: [] };
    expect(wire.slice(2, 9)).toEqual([
      { type: "response.output_item.added", output_index: 0, item: opening },
      { type: "response.reasoning_summary_part.added", ...at, part: { type: "summary_text", text: "" } },
      { type: "response.reasoning_summary_text.delta", ...at, delta: "They want " },
      { type: "response.reasoning_summary_text.delta", ...at, delta: "blue." },
      { type: "response.reasoning_summary_text.done", ...at, text: "They want blue." },
      { type: "response.reasoning_summary_part.done", ...at, part: item.summary[0] },
      { type: "response.output_item.done", output_index: 0, item },
    ]);
    expect(JSON.stringify(wire)).not.toContain("reasoning_text");
  });

  test.each([undefined, null, "none", ""])("%s asks for none: the vendor's form", (summary) => {
    const item = { summary: [], content: [{ type: "reasoning_text", text: "They want blue." }] };
    expect(surfaceWith().json(folded(events), asking(summary))).toMatchObject({ output: [item, {}] });
    expect(streamed(asking(summary), batches)).not.toContain("summary_text");
  });

  test("it is read back as it was, with its encrypted form beside it", () => {
    const parsed = parseM3({ reasoning: { summary: "auto" }, include: ["reasoning.encrypted_content"] });
    const { output } = surfaceWith().json(folded(events), parsed) as { output: JsonObject[] };
    expect(output[0]).toMatchObject({ encrypted_content: "encrypted<reasoning:They want blue.>" });
    for (const encrypted_content of [output[0]?.["encrypted_content"] ?? null, null]) {
      const input = [{ role: "user", content: "Say: blue" }, { ...output[0], encrypted_content }, output[1]];
      expect(parseM3({ input }).request.items[1]).toEqual({ type: "reasoning", text: "They want blue." });
    }
  });
});

describe("errors", () => {
  test("the vendor's envelope, with what OpenAI's clients read", () => {
    const error = new ParleyError("invalid", "top_p: must be between 0 and 1", { param: "top_p" });
    expect(surfaceWith().error(error, "0".repeat(32))).toEqual({
      status: 400,
      headers: {},
      body: {
        type: "error",
        error: {
          type: "bad_request_error",
          message: "invalid params, top_p: must be between 0 and 1 (2013)",
          http_code: "400",
          code: "invalid_request",
          param: "top_p",
        },
        request_id: "0".repeat(32),
      },
    });
  });

  test("a wait is told in whole seconds", () => {
    const error = new ParleyError("rate-limit", "rate limit", { retryAfter: 1.2 });
    expect(surfaceWith().error(error, "").headers).toEqual({ "retry-after": "2" });
  });

  test.each(errorKinds)("%s has a code", (kind: ErrorKind) => {
    const { body } = surfaceWith().error(new ParleyError(kind, "x"), "") as { body: { error: { code: string } } };
    expect(body.error.code).toMatch(/^[a-z_]+$/);
  });
});

test("service_tier is what the engine says it used", () => {
  const body = (asked: string | undefined, used: "standard" | "priority" | undefined): unknown => {
    const events = answer((emitter) => {
      if (used !== undefined) emitter.tier(used);
      emitter.text("x");
    });
    const fields = asked === undefined ? {} : { service_tier: asked };
    return (surfaceWith().json(folded(events), parseM3(fields)) as JsonObject)["service_tier"];
  };
  expect([body(undefined, undefined), body("priority", undefined)]).toEqual(["default", "priority"]);
  expect([body("priority", "standard"), body("priority", "priority")]).toEqual(["default", "priority"]);
  expect([body(undefined, "priority"), body(undefined, "standard")]).toEqual(["priority", "default"]);
});
