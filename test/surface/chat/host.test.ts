import { describe, expect, test } from "vitest";
import { invalid, ParleyError } from "../../../src/model/error.ts";
import { chatSurface } from "../../../src/surface/chat/index.ts";
import { answerId, eventsOf, fold, gather, parse, read, refusal, stream } from "./support.ts";

const user = { role: "user", content: "weather?" };
const call = (args = "{}", ...ids: string[]): object => ({
  role: "assistant",
  tool_calls: ids.map((id) => ({ id, type: "function", function: { name: "f", arguments: args } })),
});
const told = (id: string, content?: unknown): object => ({ role: "tool", tool_call_id: id, content });

/** What the vendor's own host checks demand of this surface (MiniMax-Provider-Verifier, m3_format_check, 2026). */
describe("host checks", () => {
  test.each([
    ["empty messages", { messages: [] }],
    ["temperature", { temperature: 5 }],
    ["top_p", { top_p: 1.5 }],
    ["negative top_p", { top_p: -0.1 }],
    ["unknown role", { messages: [{ role: "wizard", content: "x" }] }],
    ["object as tool content", { messages: [user, call("{}", "a"), told("a", { x: 1 })] }],
    ["unknown call id", { messages: [user, call("{}", "a"), told("b", "x")] }],
    ["partly answered", { messages: [user, call("{}", "a", "b"), told("a", "x"), user] }],
    ["partly answered at the end", { messages: [user, call("{}", "a", "b"), told("a", "x")] }],
    ["arguments that are not JSON", { messages: [user, call("{not json", "a"), told("a", "x")] }],
    [
      "fps 100",
      {
        messages: [
          { role: "user", content: [{ type: "video_url", video_url: { url: "https://e.com/a.mp4", fps: 100 } }] },
        ],
      },
    ],
    ["negative limit", { max_tokens: -1 }],
  ])("%s: exactly 400, also when a stream was asked for", (_name, change) => {
    for (const streaming of [false, true]) {
      const { status, body } = chatSurface().error(refusal({ ...change, stream: streaming }), answerId);
      expect(status).toBe(400);
      expect(body).toMatchObject({
        type: "error",
        error: { type: "bad_request_error", http_code: "400" },
        request_id: answerId,
      });
      expect(JSON.stringify(body)).toMatch(/invalid params, .* \(2013\)/);
    }
  });

  test("every line is `data: `, every chunk has id, choices, object, and a delta that is never null", () => {
    const parsed = parse({ stream: true, stream_options: { include_usage: true } });
    const wire = stream(
      parsed,
      eventsOf({ reasoning: "hm", text: "so", calls: [{ id: "c", name: "f", args: "{}" }] }, 2).map((one) => [one]),
    );
    for (const line of wire.split("\n")) expect(line === "" || line.startsWith("data: ")).toBe(true);
    for (const chunk of read(wire).chunks) {
      expect(chunk).toMatchObject({ id: answerId, object: "chat.completion.chunk" });
      for (const choice of chunk.choices) expect(choice.delta).toBeInstanceOf(Object);
    }
  });

  test("a tool's name is sent once per call", () => {
    const calls = ["a", "b"].map((id) => ({
      id,
      name: "forecast",
      args: JSON.stringify({ city: "Paris".repeat(40) }),
    }));
    const wire = stream(
      parse({ stream: true }),
      eventsOf({ calls, finish: "calls" }, 5).map((one) => [one]),
    );
    expect(gather(wire).calls.map((one) => one.name)).toEqual(["forecast", "forecast"]);
  });

  test("limits of 512,000 and 524,288, limits given twice and a limit of 1 are fine", () => {
    expect(parse({ max_tokens: 512_000 }).request.sampling.maxTokens).toBe(512_000);
    expect(parse({ max_tokens: 524_288, max_completion_tokens: 524_288 }).request.sampling.maxTokens).toBe(524_288);
    expect(parse({ max_tokens: 1 }).request.sampling.maxTokens).toBe(1);
  });

  test.each([
    ["ends with an assistant", [user, { role: "assistant", content: "It" }]],
    ["ends with results", [user, call("{}", "a"), told("a", "sunny")]],
    ["null content beside calls", [user, { ...call("{}", "a"), content: null }, told("a", "x")]],
    ["empty content beside calls", [user, { ...call("{}", "a"), content: "" }, told("a", "x")]],
    ["empty tool content", [user, call("{}", "a"), told("a", "")]],
    ["null tool content", [user, call("{}", "a"), told("a", null)]],
    ["no tool content", [user, call("{}", "a"), told("a")]],
    ["several system messages", [{ role: "system", content: "a" }, { role: "system", content: "b" }, user]],
    [
      "a system message with an image",
      [{ role: "system", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA==" } }] }, user],
    ],
  ])("a history that %s is fine", (_name, messages) => {
    expect(parse({ messages }).request.items.length).toBeGreaterThan(1);
  });

  test("a tool without parameters and json_object are no reason to refuse", () => {
    expect(parse({ tools: [{ type: "function", function: { name: "f" } }] }).request.tools).toHaveLength(1);
    expect(parse({ response_format: { type: "json_object" } }).request.format).toEqual({ type: "json" });
  });

  test("adaptive shows reasoning before a call and after tool history; disabled asks for none", () => {
    const messages = [user, call("{}", "a"), told("a", "sunny")];
    expect(parse({ messages, thinking: { type: "adaptive" } }).request.reasoning).toBe("adaptive");
    expect(parse({ messages, thinking: { type: "disabled" } }).request.reasoning).toBe("off");
    const spoken = {
      reasoning: "Ask the tool.",
      calls: [{ id: "c", name: "f", args: "{}" }],
      finish: "calls" as const,
    };
    expect(chatSurface().json(fold([eventsOf(spoken)]), parse())).toMatchObject({
      choices: [{ message: { content: "<think>\nAsk the tool.\n</think>\n" } }],
    });
  });

  test("21 videos are refused while the body is read", () => {
    const content = Array.from({ length: 21 }, () => ({
      type: "video_url",
      video_url: { url: "https://example.com/a.mp4" },
    }));
    expect(refusal({ messages: [{ role: "user", content }] }).message).toBe(
      "the num of video is larger than the limit: 20",
    );
  });

  test("an image over the size limit would be 400, a body over the limit 413", () => {
    const surface = chatSurface();
    expect(surface.error(invalid("", "media exceeds size limit: max 10485760 bytes"), "r").status).toBe(400);
    expect(surface.error(new ParleyError("too-large", "the body exceeds 67108864 bytes"), "r").status).toBe(413);
  });

  test("a wait is told in whole seconds", () => {
    const reply = chatSurface().error(new ParleyError("rate-limit", "rate limit", { retryAfter: 1.2 }), "r");
    expect(reply).toMatchObject({ status: 429, headers: { "retry-after": "2" } });
    expect(chatSurface().error(new ParleyError("rate-limit", "rate limit"), "r").headers).toEqual({});
  });
});
