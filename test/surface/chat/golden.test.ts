import { expect, test } from "vitest";
import { chatSurface } from "../../../src/surface/chat/index.ts";
import type { FinishReason, Usage } from "../../../src/model/event.ts";
import { callIds } from "../../../src/model/id.ts";
import { context, eventsOf, fixture, fold, gather, parse, read, stream } from "./support.ts";

interface Sample {
  request: Record<string, unknown>;
  answer: { reasoning: string; text: string; usage: Usage; finish: FinishReason };
  body: { id: string; created: number; choices: [{ message: { content: string } }] };
}

const samples = ["documented-image.json", "documented-hello.json"];

/** The samples are older than `service_tier`, which M3 bodies have carried since June 2026 (docs/api-chat.md). */
function withoutTier(wire: unknown): string {
  return JSON.stringify(wire).replace(`"service_tier":"standard",`, "");
}

test.each(samples)("%s: the documented body, byte for byte and in key order", (name) => {
  const sample = fixture(name) as Sample;
  const surface = chatSurface();
  const around = context({ id: sample.body.id, createdAt: sample.body.created });
  const parsed = surface.parse(sample.request, around);
  for (const piece of [1, 7, 10_000]) {
    const wire = surface.json(fold([eventsOf(sample.answer, piece)]), parsed);
    expect(withoutTier(wire)).toBe(JSON.stringify(sample.body));
  }
});

test.each(samples)("%s: its stream gathers to the same text", (name) => {
  const sample = fixture(name) as Sample;
  const parsed = chatSurface().parse({ ...sample.request, stream: true }, context());
  for (const piece of [1, 4, 10_000]) {
    const batches = eventsOf(sample.answer, piece).map((event) => [event]);
    expect(gather(stream(parsed, batches)).content).toBe(sample.body.choices[0].message.content);
  }
});

test("the M3 edition's request is read whole", () => {
  const { request, answerOptions } = chatSurface().parse(
    (fixture("documented-image.json") as Sample).request,
    context(),
  );
  expect(request.reasoning).toBe("adaptive");
  expect(request.sampling).toEqual({ temperature: 1, topP: 0.95, stop: [], maxTokens: 500 });
  expect(answerOptions.stream).toBe(false);
  expect(request.items).toEqual([
    {
      type: "message",
      role: "user",
      parts: [
        { type: "text", text: "这张图片的内容是什么?" },
        {
          type: "image",
          media: { kind: "url", url: "https://filecdn.minimax.chat/public/fe9d04da-f60e-444d-a2e0-18ae743add33.jpeg" },
          detail: "default",
          param: "messages[0].content[1].image_url",
        },
      ],
    },
  ]);
});

test("the M2.7 edition's request: a system message without content sets nothing, the user's name is kept", () => {
  const { request } = chatSurface().parse((fixture("documented-hello.json") as Sample).request, context());
  expect(request.items).toEqual([
    { type: "message", role: "user", name: "User", parts: [{ type: "text", text: "Hello" }] },
  ]);
});

test("the role-play edition: its roles keep their order, names and text on M2.7 and M2-her", () => {
  const messages = [
    { role: "system", name: "Aria", content: "You are Aria, a ship's cook." },
    { role: "user_system", content: "The user is a passenger." },
    { role: "group", content: "Galley" },
    { role: "sample_message_user", name: "Tom", content: "What is for supper?" },
    { role: "sample_message_ai", name: "Aria", content: "Beans. Again." },
    { role: "user", name: "Tom", content: "Good morning" },
  ];
  for (const model of ["MiniMax-M2.7", "M2-her"]) {
    const items = parse({ model, messages }).request.items;
    const shown = items.map((item) =>
      item.type === "message" ? { role: item.role, name: item.name, content: textOfFirst(item.parts) } : item,
    );
    expect(shown).toEqual(messages.map((message) => ({ name: undefined, ...message })));
  }
});

function textOfFirst(parts: readonly { type: string; text?: string }[]): string | undefined {
  return parts[0]?.text;
}

/** The live body of M3 truncated inside its reasoning (captured from api.minimax.io, 2026-06). */
test("reasoning truncated by length is closed, in key order of the live body", () => {
  const parsed = parse({ max_tokens: 32 }, { id: "06831089039ba716163002c8eb028bfa", createdAt: 1_781_783_945 });
  const spoken = {
    reasoning: "The user …",
    usage: { input: 188, cached: 114, output: 32, reasoning: 32 },
    finish: "length" as const,
  };
  expect(JSON.stringify(chatSurface().json(fold([eventsOf(spoken)]), parsed))).toBe(
    String.raw`{"id":"06831089039ba716163002c8eb028bfa","choices":[{"finish_reason":"length","index":0,"message":{"content":"<think>\nThe user …\n</think>\n","role":"assistant","name":"MiniMax AI","audio_content":""}}],"created":1781783945,"model":"MiniMax-M3","object":"chat.completion","usage":{"total_tokens":220,"total_characters":0,"prompt_tokens":188,"completion_tokens":32,"prompt_tokens_details":{"cached_tokens":114}},"input_sensitive":false,"output_sensitive":false,"input_sensitive_type":0,"output_sensitive_type":0,"output_sensitive_int":0,"service_tier":"standard","base_resp":{"status_code":0,"status_msg":""}}`,
  );
});

test("a tool call: key order, id and arguments of the documented example", () => {
  const call = { id: "call_function_a1nrtksph4pi_1", name: "get_weather", args: '{"location": "San Francisco, US"}' };
  const wire = chatSurface().json(
    fold([eventsOf({ reasoning: "Look it up.", calls: [call], finish: "calls" })]),
    parse(),
  );
  const choice = JSON.stringify((wire as { choices: unknown[] }).choices[0]);
  expect(choice).toBe(
    String.raw`{"finish_reason":"tool_calls","index":0,"message":{"content":"<think>\nLook it up.\n</think>\n","role":"assistant","name":"MiniMax AI","tool_calls":[{"id":"call_function_a1nrtksph4pi_1","type":"function","function":{"name":"get_weather","arguments":"{\"location\": \"San Francisco, US\"}"},"index":0}],"audio_content":""}}`,
  );
});

test("ids are of the documented form", () => {
  const word = "a1nrtksph4pi";
  const next = callIds({ hex: () => "", word: () => word, now: () => 0 });
  expect([next(), next()]).toEqual([`call_function_${word}_1`, `call_function_${word}_2`]);
});

test("split reasoning in a body and in a stream has the live wire's members", () => {
  const parsed = parse({ model: "MiniMax-M2.7", reasoning_split: true, stream: true });
  const spoken = {
    reasoning: "The user wants a greeting, in bold.",
    text: "\n\n**Hello** to you and to everyone else here.",
    finish: "stop" as const,
  };
  const message = (chatSurface().json(fold([eventsOf(spoken)]), parsed) as { choices: [{ message: unknown }] })
    .choices[0].message;
  const details = [
    { type: "reasoning.text", id: "reasoning-text-1", format: "MiniMax-response-v1", index: 0, text: spoken.reasoning },
  ];
  expect(JSON.stringify(message)).toBe(
    JSON.stringify({
      content: spoken.text.trim(),
      role: "assistant",
      name: "MiniMax AI",
      audio_content: "",
      reasoning_content: spoken.reasoning,
      reasoning_details: details,
    }),
  );
  const deltas = read(
    stream(
      parsed,
      eventsOf(spoken, 5).map((event) => [event]),
    ),
  ).chunks.map((chunk) => chunk.choices[0]?.delta);
  const keys = (delta: object | undefined): string => Object.keys(delta ?? {}).join();
  expect(keys(deltas[0])).toBe("role,name,audio_content,reasoning_content,reasoning_details");
  expect(keys(deltas[1])).toBe("content,role,name,audio_content,reasoning_content,reasoning_details");
  expect(keys(deltas.at(-1))).toBe("content,role,name,audio_content");
});
