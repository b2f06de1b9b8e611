import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Json, type JsonObject, parseJson } from "../../../src/model/json.ts";
import type { CallMarkup } from "../../../src/engine/markup/markup.ts";
import { growth } from "../../support/cpu.ts";
import { fault, parsed, type Setting } from "./fold.ts";

const token = "]<]minimax[>[";
const tools = [
  {
    name: "save",
    parameters: {
      type: "object",
      properties: { text: { type: "string" }, count: { type: "integer" }, list: { type: "array" } },
    },
  },
];

/** Declared, so that markup is read, and never called. */
const elsewhere = [{ name: "elsewhere", parameters: {} }];

/** Bits of each format, whole and broken; texts are made of them in any order. */
const bits: Readonly<Record<CallMarkup, readonly string[]>> = {
  m2: [
    '<minimax:tool_call>\n<invoke name="save">\n<parameter name="text">',
    '<minimax:tool_call><invoke name="other">\n<parameter name="list">',
    '</parameter>\n<parameter name="count">',
    '</parameter><parameter name="text">\n',
    "</parameter>\n</invoke>\n</minimax:tool_call>\n",
    "</parameter></invoke>",
    '<invoke name="save">',
    "</invoke>",
    "</parameter>",
    "</minimax:tool_call>",
    "<minimax:tool_call>",
    "&lt;",
  ],
  m3: [
    `${token}<tool_call>\n${token}<invoke name="save">${token}<text>`,
    `${token}<tool_call>${token} <invoke name="other">${token}<a>${token}<item>`,
    `${token}<invoke name="save">`,
    `${token}</text>`,
    `${token}<text>`,
    `${token}</text>${token}<list>`,
    `${token}<item>`,
    `${token}</item>`,
    `${token}</item>${token}<item>`,
    `${token}<count>`,
    `${token}</count>`,
    `${token}</invoke>`,
    `${token}</tool_call>`,
    token,
  ],
  json: [
    '<tool_call>{"name":"save","parameters":{"a":{"b":',
    '<tool_call>[{"arguments":{"a":"',
    '<tool_call>{"name":"w","arguments":"{\\"a\\":',
    "</tool_call>",
    '"name":"save",',
    '"arguments":',
    '{"a":[1,"x\\u00e9"',
    '"}',
    "]}}",
    "}}",
    '":',
    ',"',
    "[",
    "{",
  ],
  none: ["<tool_call>", token],
};
const common = ["<think>", "</think>", "<mm:think>", "\n</mm:think>\n", '"', "\\", ",", "12", "null", "true", "[1, ", "\n", "\n\n", " ", "```\n", "`", "🙂", "汉"]; // prettier-ignore

const situation = fc.constantFrom<CallMarkup>("m2", "m3", "json", "none").chain((calls) => {
  const bit = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...bits[calls]) },
    { weight: 2, arbitrary: fc.constantFrom(...common) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 4 }) },
  );
  return fc.record({
    text: fc.array(bit, { maxLength: 30, size: "max" }).map((all) => all.join("")),
    setting: fc.record<Setting>({
      tags: fc.constantFrom([], ["think"], ["mm:think"], ["think", "mm:think"]),
      inside: fc.boolean(),
      cut: fc.boolean(),
      calls: fc.constant(calls),
      tools: fc.constantFrom(elsewhere, tools),
    }),
  });
});

function cutAt(text: string, places: readonly number[]): string[] {
  const at = places.map((place) => place % (text.length + 1)).toSorted((a, b) => a - b);
  return [...at, text.length].map((end, index) => text.slice(at[index - 1] ?? 0, end));
}

describe("laws", () => {
  test("any chunking gives the same items, in the grammar of events, with arguments that are JSON, or truncated, or a fault", () => {
    const law = fc.property(situation, fc.array(fc.nat(), { maxLength: 12 }), ({ text, setting: options }, places) => {
      const whole = parsed([text], options);
      expect(parsed(cutAt(text, places), options)).toEqual(whole);
      expect(parsed(text.split(""), options)).toEqual(whole);
      expect(whole.every((item) => item.done)).toBe(true);
      const broken = whole.filter((item) => item.type === "call" && parseJson(item.args) === undefined);
      const problem = fault([text], options);
      expect(fault(text.split(""), options)).toBe(problem);
      if (options.cut !== true && broken.length > 0) expect(problem).toBeDefined();
      // the limit breaks off the last call and no other
      const calls = whole.filter((item) => item.type === "call");
      if (problem === undefined && broken.length > 0) expect(broken).toEqual(calls.slice(-1));
    });
    fc.assert(law, { numRuns: 800, seed: 20261120 });
  });

  test("what holds no call is text, to the byte", () => {
    const law = fc.property(situation, ({ text, setting: options }) => {
      const items = parsed([text], { ...options, tags: [], inside: false, cut: false });
      fc.pre(options.calls !== "m3" && items.every((item) => item.type === "text"));
      const shown = items.map((item) => ("text" in item ? item.text : "")).join("");
      // the beginning of a call is none
      if (fault([text], { ...options, tags: [], inside: false, cut: false }) === undefined) expect(shown).toBe(text);
      else expect(text.startsWith(shown)).toBe(true);
    });
    const setting = { tags: [], inside: false, cut: false, tools: elsewhere };
    const near = { text: ' \n\n<tool_call>[{"arguments":{"a":"', setting: { ...setting, calls: "json" as const } };
    fc.assert(law, { numRuns: 500, seed: 20261120, examples: [[near]] });
  });

  test("text without markup comes out as it went in", () => {
    const law = fc.property(
      fc.string({ unit: "binary" }),
      fc.constantFrom<CallMarkup>("m2", "json", "none"),
      (text, calls) => {
        const items = parsed([text], { calls });
        expect(items.map((item) => (item.type === "text" ? item.text : "no text")).join("")).toBe(text);
      },
    );
    fc.assert(law, { numRuns: 500, seed: 20261120 });
  });
});

const text = fc.string({ unit: "binary", maxLength: 20 }).filter((value) => value.toLowerCase() !== "null");
const name = fc
  .stringMatching(/^[a-z_][a-z0-9_]{0,8}$/)
  .filter((word) => !["item", "invoke", "tool_call"].includes(word));
interface Typed {
  schema: JsonObject;
  value: Json;
}
const scalar: fc.Arbitrary<Typed> = fc.oneof(
  text.map((value) => ({ schema: { type: "string" }, value })),
  fc.integer().map((value) => ({ schema: { type: "integer" }, value })),
  fc.double({ noNaN: true, min: -1e20, max: 1e20 }).map((value) => ({ schema: { type: "number" }, value: value + 0 })),
  fc.boolean().map((value) => ({ schema: { oneOf: [{ type: "boolean" }] }, value })),
);
function objectOf(value: fc.Arbitrary<Typed>): fc.Arbitrary<Typed> {
  return fc.dictionary(name, value, { maxKeys: 4, noNullPrototype: true }).map((members) => ({
    schema: {
      type: "object",
      properties: Object.fromEntries(Object.entries(members).map(([key, one]) => [key, one.schema])),
    },
    value: Object.fromEntries(Object.entries(members).map(([key, one]) => [key, one.value])),
  }));
}
function arrayOf(value: fc.Arbitrary<Typed>): fc.Arbitrary<Typed> {
  return fc.array(value, { maxLength: 3 }).map((elements) => ({
    schema: { type: "array", prefixItems: elements.map((one) => one.schema) },
    value: elements.map((one) => one.value),
  }));
}
const nested = objectOf(fc.oneof(scalar, arrayOf(scalar), objectOf(fc.oneof(scalar, arrayOf(objectOf(scalar))))));

/** As the M2 template writes arguments: strings raw, the rest as JSON. */
function inM2(value: Json): string {
  const parameters = Object.entries(value as Record<string, Json>).map(
    ([key, one]) => `<parameter name="${key}">\n${typeof one === "string" ? one : JSON.stringify(one)}\n</parameter>`,
  );
  return `<minimax:tool_call>\n<invoke name="save">\n${parameters.join("\n")}\n</invoke>\n</minimax:tool_call>`;
}

/** As the M3 template writes them: tags all the way down. */
function inM3(value: Json): string {
  const body = (inner: Json): string => {
    if (Array.isArray(inner)) return inner.map((one: Json) => `${token}<item>${body(one)}${token}</item>`).join("");
    if (typeof inner !== "object" || inner === null) return typeof inner === "string" ? inner : JSON.stringify(inner);
    const members = Object.entries(inner as Record<string, Json>);
    return members.map(([key, one]) => `${token}<${key}>${body(one)}${token}</${key}>`).join("");
  };
  return `${token}<tool_call>\n${token}<invoke name="save">${body(value)}${token}</invoke>\n${token}</tool_call>`;
}

/** What `json.dumps(ensure_ascii=False)` writes. */
function dumps(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((one: Json) => dumps(one)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value as Record<string, Json>);
  return `{${members.map(([key, one]) => `${JSON.stringify(key)}: ${dumps(one)}`).join(", ")}}`;
}

describe("round trip: arguments written as the template writes them are read back", () => {
  test.each<["m2" | "m3" | "json", (value: Json) => string]>([
    ["m2", inM2],
    ["m3", inM3],
    ["json", (value) => `<tool_call>${JSON.stringify({ name: "save", arguments: value })}</tool_call>`],
  ])("%s", (calls, write) => {
    const law = fc.property(nested, fc.array(fc.nat(), { maxLength: 6 }), ({ schema, value }, places) => {
      const tool = { name: "save", parameters: schema };
      const items = parsed(cutAt(write(value), places), { calls, tools: [tool] });
      expect(items).toHaveLength(1);
      const [item] = items;
      if (item?.type !== "call") throw new Error("no call");
      expect(JSON.parse(item.args)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(item.args).toBe(dumps(value));
    });
    fc.assert(law, { numRuns: 250, seed: 20261120 });
  });
});

/** Texts of about that many characters, of the kinds that cost a reader most. */
function shapes(size: number): [string, string, Setting][] {
  const long = '0123456789 <b> ]< \n&amp; é汉🙂 "q" \\'.repeat(size / 20).slice(0, size);
  const list = JSON.stringify([long.slice(0, size / 2)]);
  return [
    ["text", long, { calls: "m2" }],
    ["much text", long.repeat(4), { calls: "m2" }],
    ["text of M3", long, { calls: "m3" }],
    ["reasoning", `<think>${long}</think>`, { calls: "m2" }],
    ["only brackets", "<".repeat(size), { calls: "m2" }],
    ["only spaces", " ".repeat(size), { calls: "m2" }],
    ["only newlines", "\n".repeat(size), { calls: "m2" }],
    ["spaces behind an opening tag", `<minimax:tool_call>${" ".repeat(size)}`, { calls: "m2" }],
    ["M2 string", inM2({ text: long }), { calls: "m2", tools }],
    ["M2 closing tags", inM2({ text: "</parameter> ".repeat(size / 12) }), { calls: "m2", tools }],
    [
      "M2 list",
      `<minimax:tool_call><invoke name="save"><parameter name="list">${list}</parameter></invoke>`,
      { calls: "m2", tools },
    ],
    ["M3 string", inM3({ text: long }), { calls: "m3", tools }],
    ["M3 items", inM3({ list: Array.from({ length: size / 50 }, (_, index) => `i${index}`) }), { calls: "m3", tools }],
    [
      "JSON",
      `<tool_call>${JSON.stringify({ name: "save", arguments: { text: long } })}</tool_call>`,
      { calls: "json" },
    ],
  ];
}

describe("time grows with the text", () => {
  const [small, large] = [shapes(7_500), shapes(60_000)];
  test.each(large.map(([name, text, options], at) => [name, small[at]?.[1] ?? "", text, options] as const))(
    "%s, whole and by the character",
    (_, short, long, options) => {
      expect(JSON.stringify(parsed(pieces(long), options))).toBe(JSON.stringify(parsed([long], options)));
      // 8 times the text: a reader that reads all of it again at each piece takes 64 times as long
      const whole = growth(
        () => parsed([short], options),
        () => parsed([long], options),
      );
      const single = growth(
        () => parsed(pieces(short), options),
        () => parsed(pieces(long), options),
      );
      expect(Math.max(whole, single)).toBeLessThan(25);
    },
  );
});

function* pieces(whole: string): Generator<string> {
  for (let at = 0; at < whole.length; at++) yield whole.charAt(at);
}
