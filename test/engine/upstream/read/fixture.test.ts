import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dialects, type DialectName } from "../../../../src/engine/upstream/dialect/dialect.ts";
import type { RepairRule } from "../../../../src/engine/upstream/read/repair.ts";
import type { Family } from "../../../../src/model/card.ts";
import { bodyOf, bytePieces, decode, decodeBody, type DecodeSetup, joined } from "./decode.ts";
import { foldEvents } from "../fake.ts";

const folder = new URL("../../../fixture/upstream/", import.meta.url);

interface Case {
  dialect: DialectName;
  family?: Family;
  markup?: DecodeSetup["markup"];
  thought?: string;
  text?: string;
  calls?: readonly (readonly [string, unknown])[];
  finish: string;
  /** input, cached, output, reasoning */
  usage: readonly [number, number, number, number];
  repairs: readonly RepairRule[];
}

/** The tiny model's prompt ends inside thought when the server only completes text. */
const raw = { think: { tags: ["think"], startsInside: true }, calls: "m2" } as const;

const cases: Readonly<Record<string, Case>> = {
  // The interleaved end of the first call's arguments: vllm-project/vllm, streaming tool parsers.
  "documented-vllm-tools.sse": {
    dialect: "vllm",
    family: "m2",
    thought: "The user wants the weather in 北京.",
    calls: [
      ["get_weather", { location: "北京" }],
      ["get_time", { zone: "Asia/Shanghai" }],
    ],
    finish: "calls",
    usage: [212, 192, 50, 18],
    repairs: ["blank-content"],
  },
  // Reasoning parser minimax_m2_append_think of vLLM.
  "documented-vllm-append-think.sse": {
    dialect: "vllm",
    family: "m2",
    thought: "Two plus two is four.",
    text: "\nIt is **4**.",
    finish: "stop",
    usage: [40, 0, 20, 12],
    repairs: ["inline-thought"],
  },
  "documented-sglang-text.sse": {
    dialect: "sglang",
    family: "m3",
    thought: "Greeting, so greet back.",
    text: "Hello there 👋🏽",
    finish: "stop",
    usage: [171, 0, 13, 7],
    repairs: [],
  },
  // MiniMax-M3#31: namespace tokens and markup in content.
  "documented-sglang-leak.sse": {
    dialect: "sglang",
    family: "m3",
    text: "I will look.",
    calls: [["read_file", { path: "src/main.rs", start_line: 130 }]],
    finish: "calls",
    usage: [300, 0, 40, 0],
    repairs: ["inline-calls", "finish-reason"],
  },
  "documented-ollama-tools.sse": {
    dialect: "ollama",
    thought: "Both files then.",
    calls: [
      ["read", { path: "a.txt" }],
      ["read", { path: "b.txt" }],
    ],
    finish: "calls",
    usage: [90, 0, 33, 9],
    repairs: ["call-order"],
  },
  // Captured stream with reasoning_split (ENTERPILOT/GoModel, MiniMax stream test, 2026-09).
  "documented-minimax-split.sse": {
    dialect: "minimax",
    family: "m3",
    thought: "The user wants a list.",
    text: "**First** point",
    finish: "stop",
    usage: [188, 0, 42, 21],
    repairs: ["thought-twice"],
  },
  // vellum-ai/vellum-assistant#34556: thought mirrored in content.
  "documented-minimax-mirror.sse": {
    dialect: "minimax",
    family: "m3",
    thought: "The user wants one.",
    text: "One!",
    finish: "stop",
    usage: [188, 0, 42, 21],
    repairs: ["inline-thought", "thought-twice"],
  },
  "documented-minimax-sensitive.sse": {
    dialect: "minimax",
    family: "m3",
    text: "…",
    finish: "filter",
    usage: [188, 0, 42, 21],
    repairs: [],
  },
  // Recorded: llama.cpp v0.5.0 with --jinja, `thinking: on`.
  "llama-server-text.sse": {
    dialect: "llama-server",
    thought: "The user asks for the capital of France.",
    text: "The capital of France is Paris.",
    finish: "stop",
    usage: [34, 0, 32, 18],
    repairs: [],
  },
  "llama-server-tools.sse": {
    dialect: "llama-server",
    thought: "I call get_time.",
    calls: [["get_time", { city: "Paris" }]],
    finish: "calls",
    usage: [261, 0, 40, 16],
    repairs: [],
  },
  "llama-server-cut.sse": {
    dialect: "llama-server",
    thought: "The user asks for the capital",
    finish: "length",
    usage: [34, 33, 6, 6],
    repairs: [],
  },
  // The same server completing text that was rendered here.
  "llama-server-raw-text.sse": {
    dialect: "llama-server",
    markup: raw,
    thought: "The user asks for the capital of Japan.",
    text: "\nThe capital of Japan is Tokyo.",
    finish: "stop",
    usage: [33, 22, 31, 17],
    repairs: ["inline-thought"],
  },
  "llama-server-raw-tools.sse": {
    dialect: "llama-server",
    markup: raw,
    thought: "I call get_time.",
    calls: [["get_time", { city: "Paris" }]],
    finish: "calls",
    usage: [261, 260, 40, 16],
    repairs: ["finish-reason", "inline-calls", "inline-thought"],
  },
};

describe("streams of upstreams", () => {
  it("has an expectation for every fixture", () => {
    expect(
      readdirSync(folder)
        .filter((name) => name.endsWith(".sse"))
        .toSorted(),
    ).toEqual(Object.keys(cases).toSorted());
  });

  it.each(Object.entries(cases))("%s", (name, expected) => {
    const fired = new Set<RepairRule>();
    const bytes = readFileSync(new URL(name, folder));
    const setup = {
      dialect: dialects[expected.dialect],
      family: expected.family,
      markup: expected.markup ?? {},
      onRepair: (rule: RepairRule) => fired.add(rule),
    };
    const events = decode([bytes], setup);
    const transcript = foldEvents(events);
    const { input, cached, output, reasoning } = transcript.usage ?? { input: 0, cached: 0, output: 0, reasoning: 0 };
    expect({
      said: transcript.items.flatMap((item) => (item.type === "call" ? [] : [[item.type, item.text]])),
      calls: transcript.calls().map((call) => [call.name, JSON.parse(call.args) as unknown]),
      finish: transcript.finish,
      usage: [input, cached, output, reasoning],
      repairs: [...fired].toSorted(),
    }).toEqual({
      said: [
        ...(expected.thought === undefined ? [] : [["reasoning", expected.thought]]),
        ...(expected.text === undefined ? [] : [["text", expected.text]]),
      ],
      calls: expected.calls ?? [],
      finish: { reason: expected.finish },
      usage: expected.usage,
      repairs: expected.repairs.toSorted(),
    });
  });

  it.each(Object.entries(cases))("%s is the same in any pieces", (name, { dialect, family, markup = {} }) => {
    const bytes = readFileSync(new URL(name, folder));
    const setup = { dialect: dialects[dialect], family, markup };
    const whole = joined(decode([bytes], setup));
    fc.assert(
      fc.property(fc.array(fc.nat(60), { maxLength: 80 }), (lengths) => {
        expect(joined(decode(bytePieces(bytes, lengths), setup))).toEqual(whole);
      }),
      { numRuns: 60 },
    );
    expect(
      joined(
        decode(
          bytePieces(
            bytes,
            Array.from({ length: bytes.length }, () => 1),
          ),
          setup,
        ),
      ),
    ).toEqual(whole);
  });
});

describe("the same answers without a stream", () => {
  it.each(Object.entries(cases))("%s", (name, { dialect, family, markup = {} }) => {
    const bytes = readFileSync(new URL(name, folder));
    const setup = { dialect: dialects[dialect], family, markup };
    const streamed = foldEvents(decode([bytes], setup));
    const whole = foldEvents(decodeBody(bodyOf(bytes), setup));
    expect(whole).toEqual(streamed);
  });
});

it("marks what the vendor marked", () => {
  const bytes = readFileSync(new URL("documented-minimax-sensitive.sse", folder));
  expect(foldEvents(decode([bytes], { dialect: dialects.minimax, family: "m3" })).outputFlag).toBe(2);
});
