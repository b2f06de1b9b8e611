import { expect, test } from "vitest";
import { answer, folded, parse, surfaceWith } from "./harness.ts";

/** The sample bodies of the vendor's Chinese and English pages (create response, 2026), as it prints them. */
function sample(text: string, outputTokens: number) {
  return {
    id: "abc123",
    object: "response",
    created_at: 1764000000,
    model: "MiniMax-M3",
    status: "completed",
    output: [
      {
        id: "abc123_msg",
        type: "message",
        status: "completed",
        role: "assistant",
        content: [{ type: "output_text", text, annotations: [] }],
      },
    ],
    output_text: text,
    usage: {
      input_tokens: 8,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: outputTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 8 + outputTokens,
    },
    parallel_tool_calls: true,
    store: false,
    truncation: "disabled",
  };
}

test.each([
  ["Chinese page", "你好!", "你好!我是 MiniMax,请问有什么可以帮你的?", 18],
  ["English page", "Hello!", "Hello! I'm MiniMax. How can I help you today?", 14],
])("%s: the vendor's sample, byte for byte and in its order", (_name, input, text, outputTokens) => {
  const parsed = parse({ model: "MiniMax-M3", input });
  const transcript = folded(
    answer((emitter) => {
      emitter.text(text);
      emitter.usage({ input: 8, cached: 0, output: outputTokens, reasoning: 0 });
    }),
  );
  const body = JSON.stringify(surfaceWith().json(transcript, parsed));
  const vendor = JSON.stringify(sample(text, outputTokens));
  expect(body.slice(0, vendor.length - 1)).toBe(vendor.slice(0, -1));
});
