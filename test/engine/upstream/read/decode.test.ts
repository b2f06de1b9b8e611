import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dialects } from "../../../../src/engine/upstream/dialect/dialect.ts";
import { repairRules, type RepairRule, type RepairSwitches } from "../../../../src/engine/upstream/read/repair.ts";
import type { ModelMarkup } from "../../../../src/engine/upstream/read/markup.ts";
import type { Family } from "../../../../src/model/card.ts";
import { ParleyError } from "../../../../src/model/error.ts";
import { decode, type DecodeSetup, joined } from "./decode.ts";
import { doneFrame, foldEvents, frame, pieces, usageFrame } from "../fake.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

interface Told {
  /** Items in order: `thought:...`, `text:...`, `name(args)`. */
  items: string[];
  finish: string;
  error: string;
  fired: RepairRule[];
}

/** Decodes frames event by event, as if each had come in its own read. */
function tell(frames: readonly string[], setup: DecodeSetup = {}): Told {
  const fired: RepairRule[] = [];
  try {
    const events = decode(frames.map(bytes), { ...setup, onRepair: (rule) => fired.push(rule) });
    const { items, finish } = foldEvents(events);
    return {
      items: items.map((item) => {
        if (item.type === "call") return `${item.name}(${item.args})`;
        return `${item.type === "text" ? "text" : "thought"}:${item.text}`;
      }),
      finish: finish?.reason ?? "",
      error: finish?.error === undefined ? "" : `${finish.error.kind}: ${finish.error.message}`,
      fired,
    };
  } catch (thrown) {
    if (!(thrown instanceof ParleyError)) throw thrown;
    return { items: [], finish: "thrown", error: `${thrown.kind}: ${thrown.message}`, fired };
  }
}

const text = (content: string): string => frame({ content });
const thought = (reasoning_content: string): string => frame({ reasoning_content });
const call = (entry: object): string => frame({ tool_calls: [entry] });
const named = (index: number, id: string, name: string, args: unknown): string =>
  call({ index, id, type: "function", function: { name, arguments: args } });
const more = (index: number, args: string): string => call({ index, function: { arguments: args } });
const end = (finish: string): string[] => [frame({}, finish), usageFrame(5, 5), doneFrame];

interface Row {
  rule: RepairRule;
  what: string;
  frames: readonly string[];
  family?: Family;
  setup?: DecodeSetup;
  items: readonly string[];
  finish?: string;
  error?: string;
  /** Items with the rule switched off. */
  off: readonly string[];
  offFinish?: string;
}

const m2call =
  '<minimax:tool_call>\n<invoke name="f">\n<parameter name="a">1</parameter>\n</invoke>\n</minimax:tool_call>';

const rows: readonly Row[] = [
  {
    rule: "inline-thought",
    what: "tags split over deltas",
    family: "m3",
    frames: [text("<mm:th"), text("ink>a"), text("b</mm:thi"), text("nk>answer"), ...end("stop")],
    items: ["thought:ab", "text:answer"],
    off: ["text:<mm:think>ab</mm:think>answer"],
  },
  {
    rule: "inline-thought",
    what: "a thought that never ends",
    family: "m2",
    frames: [text("<think>a"), text("b"), ...end("length")],
    items: ["thought:ab"],
    finish: "length",
    off: ["text:<think>ab"],
    offFinish: "length",
  },
  {
    rule: "inline-thought",
    what: "a closing tag alone, where configuration says that the prompt opened it",
    family: "m2",
    setup: { markup: { think: { tags: ["think"], startsInside: true } } },
    frames: [text("a b"), text("</think>\nc"), ...end("stop")],
    items: ["thought:a b", "text:c"],
    off: ["text:a b</think>\nc"],
  },
  {
    rule: "inline-calls",
    what: "M2 calls in content",
    family: "m2",
    frames: [...pieces(`Wait.\n${m2call}`, [9, 7, 20, 4, 30]).map(text), ...end("stop")],
    items: ["text:Wait.", 'f({"a": 1})'],
    finish: "calls",
    off: [`text:Wait.\n${m2call}`],
    offFinish: "stop",
  },
  {
    rule: "thought-markup",
    what: "a call inside thought",
    family: "m2",
    frames: [thought("I call\n"), thought(m2call.slice(0, 30)), thought(m2call.slice(30)), ...end("stop")],
    items: ["thought:I call", 'f({"a": 1})'],
    finish: "calls",
    off: [`thought:I call\n${m2call}`],
    offFinish: "stop",
  },
  {
    rule: "thought-markup",
    what: "a closing tag at the end of thought",
    family: "m3",
    frames: [thought("hm"), thought("\n</think>"), text("ok"), ...end("stop")],
    items: ["thought:hm", "text:ok"],
    off: ["thought:hm\n</think>", "text:ok"],
  },
  {
    rule: "thought-twice",
    what: "two fields of one delta",
    frames: [
      frame({ reasoning: "a", reasoning_content: "a" }),
      frame({ reasoning: "b", reasoning_content: "b" }),
      ...end("stop"),
    ],
    items: ["thought:ab"],
    off: ["thought:aabb"],
  },
  {
    rule: "thought-twice",
    what: "thought repeated in content",
    family: "m2",
    frames: [thought("one two"), text("<think>\none"), text(" two\n</think>\n\nthree"), ...end("stop")],
    items: ["thought:one two", "text:\nthree"],
    off: ["thought:one two", "thought:one two", "text:\nthree"],
  },
  {
    rule: "thought-twice",
    what: "another thought in content, which is kept",
    family: "m2",
    frames: [thought("one"), text("<think>\ntwo"), text(" "), text("three\n</think>\nend"), ...end("stop")],
    items: ["thought:one", "thought:two three", "text:end"],
    off: ["thought:one", "thought:two three", "text:end"],
  },
  {
    rule: "blank-content",
    what: "newlines before a call",
    frames: [thought("t"), text("\n\n"), named(0, "1", "f", "{}"), text("\n"), ...end("tool_calls")],
    items: ["thought:t", "f({})"],
    finish: "calls",
    off: ["thought:t", "text:\n\n", "f({})", "text:\n"],
    offFinish: "calls",
  },
  {
    rule: "call-order",
    what: "every call numbered 0",
    frames: [named(0, "1", "f", '{"a":1}'), named(0, "2", "g", '{"b":2}'), ...end("tool_calls")],
    items: ['f({"a":1})', 'g({"b":2})'],
    finish: "calls",
    off: ['f({"a":1})'],
    offFinish: "calls",
  },
  {
    rule: "call-arguments",
    what: "a lost closing bracket",
    frames: [named(0, "1", "f", '{"a":'), more(0, '"b"'), ...end("tool_calls")],
    items: ['f({"a":"b"})'],
    finish: "calls",
    off: ['f({"a":"b")'],
    offFinish: "calls",
  },
  {
    rule: "call-arguments",
    what: "arguments nobody can read",
    frames: [named(0, "1", "f", '{"a":'), more(0, "nope}"), ...end("tool_calls")],
    items: ['f({"a":)'],
    finish: "error",
    error: "upstream: the model wrote arguments for 'f' that are not valid JSON",
    off: ['f({"a":nope})'],
    offFinish: "calls",
  },
  {
    rule: "finish-reason",
    what: "stop after a call",
    frames: [named(0, "1", "f", "{}"), ...end("stop")],
    items: ["f({})"],
    finish: "calls",
    off: ["f({})"],
    offFinish: "stop",
  },
];

describe("repair rules", () => {
  it.each(rows)(
    "$rule: $what",
    ({ rule, family, setup, frames, items, finish = "stop", error = "", off, offFinish = "stop" }) => {
      const told = tell(frames, { family, ...setup });
      expect(told).toMatchObject({ items, finish, error });
      const switches: RepairSwitches = { [rule]: false };
      expect(tell(frames, { family, ...setup, switches })).toMatchObject({ items: off, finish: offFinish });
    },
  );

  it("does not complete a call that the token limit cut, whatever the upstream says", () => {
    const frames = [named(0, "1", "remove", '{"path": "/", "dry_run": true'), ...end("tool_calls")];
    const stopped = [...frames.slice(0, 1), ...end("stop")];
    expect(tell(stopped, { maxTokens: 5 })).toMatchObject({ finish: "length" });
    expect(tell(frames, { maxTokens: 5 })).toMatchObject({
      items: ['remove({"path": "/", "dry_run": )'],
      finish: "length",
      fired: ["finish-reason"],
    });
    expect(tell(frames, { maxTokens: 6 })).toMatchObject({
      items: ['remove({"path": "/", "dry_run": true})'],
      finish: "calls",
    });
  });

  it("names a thread for every rule", () => {
    for (const { thread } of Object.values(repairRules))
      expect(thread).toMatch(/^https:\/\/github\.com\/[\w.-]+\/[\w.-]+\/(issues|pull)\/\d+$/);
  });

  it("counts a rule once per answer", () => {
    const frames = [named(0, "1", "f", '{"a": True'), named(1, "2", "g", "null"), ...end("tool_calls")];
    expect(tell(frames)).toMatchObject({ items: ['f({"a": true})', "g({})"], fired: ["call-arguments"] });
  });
});

describe("tool calls", () => {
  const done = end("tool_calls");
  it.each([
    [
      "a late name",
      [more(0, '{"a":'), call({ index: 0, id: "1", function: { name: "f" } }), more(0, "1}")],
      ['f({"a":1})'],
      ["call-name"],
    ],
    ["a whole call at once", [named(0, "1", "f", '{"a":1}')], ['f({"a":1})'], []],
    ["arguments as an object", [named(0, "1", "f", { a: 1 })], ['f({"a":1})'], []],
    ["no id at all", [call({ index: 0, function: { name: "f", arguments: "{}" } })], ["f({})"], ["call-id"]],
    ["a gap in the numbers", [named(1, "1", "f", "{}"), named(4, "2", "g", "{}")], ["f({})", "g({})"], ["call-order"]],
    [
      "no numbers",
      [
        call({ id: "1", function: { name: "f", arguments: '{"a"' } }),
        call({ function: { arguments: ":1}" } }),
        call({ id: "2", function: { name: "g", arguments: "{}" } }),
      ],
      ['f({"a":1})', "g({})"],
      ["call-order"],
    ],
    [
      "no numbers and no ids",
      [
        frame({
          tool_calls: [{ function: { name: "f", arguments: "{}" } }, { function: { name: "f", arguments: '{"a":1}' } }],
        }),
      ],
      ["f({})", 'f({"a":1})'],
      ["call-order", "call-id"],
    ],
    [
      "one number for all and no ids",
      [
        call({ index: 0, function: { name: "f", arguments: "{}" } }),
        call({ index: 0, function: { name: "g", arguments: "{}" } }),
      ],
      ["f({})", "g({})"],
      ["call-id", "call-order"],
    ],
    [
      "pieces that interleave",
      [named(0, "1", "f", '{"a"'), named(1, "2", "g", '{"b"'), more(0, ":1}"), more(1, ":2}")],
      ['f({"a":1})', 'g({"b":2})'],
      [],
    ],
    [
      "text while a call is open",
      [named(0, "1", "f", '{"a"'), text("so"), more(0, ":1}")],
      ['f({"a":1})', "text:so"],
      [],
    ],
    [
      "text while a call is open, and another call behind it",
      [
        text("a"),
        named(0, "1", "f", '{"a"'),
        text("b"),
        more(0, ":1}"),
        named(1, "2", "g", "{}"),
        thought("c"),
        text("d"),
      ],
      ["text:a", 'f({"a":1})', "text:b", "g({})", "thought:c", "text:d"],
      [],
    ],
    [
      "text and thought between the pieces of two calls",
      [
        named(0, "1", "f", '{"a"'),
        thought("a"),
        named(1, "2", "g", '{"b"'),
        text("b"),
        more(0, ":1}"),
        text("c"),
        more(1, ":2}"),
        text("d"),
      ],
      ['f({"a":1})', "thought:a", 'g({"b":2})', "text:bcd"],
      [],
    ],
    [
      "text behind a call whose name comes late",
      [more(0, "{}"), text("a"), call({ index: 0, id: "1", function: { name: "f" } })],
      ["f({})", "text:a"],
      ["call-name"],
    ],
    ["text after a call", [named(0, "1", "f", "{}"), text("so")], ["f({})", "text:so"], []],
    ["a name that repeats", [named(0, "1", "f", '{"a"'), named(0, "1", "f", ":1}")], ['f({"a":1})'], []],
    [
      "two calls of one number and id",
      [named(0, "c", "f", '{"a":1}'), named(0, "c", "f", '{"a":2}')],
      ['f({"a":1})', 'f({"a":2})'],
      ["call-order", "call-id"],
    ],
    [
      "two calls of one id in pieces",
      [named(0, "c", "f", ""), more(0, '{"a":1}'), named(0, "c", "f", ""), more(0, '{"a"'), more(0, ":2}")],
      ['f({"a":1})', 'f({"a":2})'],
      ["call-order", "call-id"],
    ],
    [
      "two calls of one id and no number",
      [
        call({ id: "c", function: { name: "f", arguments: "{}" } }),
        call({ id: "c", function: { name: "g", arguments: '{"b":1}' } }),
      ],
      ["f({})", 'g({"b":1})'],
      ["call-order", "call-id"],
    ],
    [
      "two calls of one id that wait for another",
      [named(0, "1", "e", '{"z"'), named(1, "c", "f", '{"a":1}'), named(1, "c", "g", '{"b":2}'), more(0, ":0}")],
      ['e({"z":0})', 'f({"a":1})', 'g({"b":2})'],
      ["call-order", "call-id"],
    ],
    [
      "a call whose name is repeated at its end",
      [named(0, "c", "f", '{"a":1}'), named(0, "c", "f", "")],
      ['f({"a":1})'],
      [],
    ],
    ["no arguments", [named(0, "1", "f", ""), named(1, "2", "g", "")], ["f({})", "g({})"], ["call-arguments"]],
    [
      "the legacy form",
      [frame({ function_call: { name: "f", arguments: "" } }), frame({ function_call: { arguments: "{}" } })],
      ["f({})"],
      ["call-id"],
    ],
  ])("reads %s", (_, frames, items, fired) => {
    expect(tell([...frames, ...done])).toEqual({ items, finish: "calls", error: "", fired });
  });

  it("keeps the vendor's ids and makes all others the vendor's", () => {
    const frames = [
      named(0, "call_function_abc_1", "f", "{}"),
      named(1, "call_function_abc_1", "f", "{}"),
      named(2, "toolu_1", "f", "{}"),
      ...done,
    ];
    const { items } = foldEvents(decode(frames.map(bytes)));
    expect(items.map((item) => (item.type === "call" ? item.id : ""))).toEqual([
      "call_function_abc_1",
      "call_function_kkkkkkkkkkkk_1",
      "call_function_kkkkkkkkkkkk_2",
    ]);
  });

  it("refuses a call without a name", () => {
    expect(tell([text("a"), more(0, "{}"), ...done])).toMatchObject({
      finish: "error",
      error: "upstream: the upstream's tool call has no name",
    });
  });

  it("leaves a call that the token limit cut as it is", () => {
    expect(tell([named(0, "1", "f", '{"a": "b'), ...end("length")])).toMatchObject({
      items: ['f({"a": "b)'],
      finish: "length",
    });
  });
});

describe("reasoning that is mirrored in its field and in content", () => {
  const words = "I think\n\nhard about  it, then\nanswer";
  const mirrored = (all: string): string[] => {
    const parts = all.match(/[^]{1,3}/g) ?? [];
    return parts.map((part, at) => frame({ content: (at === 0 ? "<think>\n" : "") + part, reasoning_content: part }));
  };

  it("is one item, whoever is ahead, in any chunking", () => {
    const field = fc.array(fc.nat(words.length), { maxLength: 8 });
    const law = fc.property(field, field, fc.infiniteStream(fc.boolean()), fc.boolean(), (one, two, order, tight) => {
      const cut = (all: string, places: number[]): string[] => {
        const at = [0, ...places.toSorted((a, b) => a - b), all.length];
        return at.slice(1).map((to, index) => all.slice(at[index], to));
      };
      const own = cut(words, one).map(thought);
      const open = tight ? "<think>" : "<think>\n";
      const copy = cut(`${open}${words}${tight ? "" : "\n"}</think>\n\nYes.`, two).map(text);
      const frames: string[] = [];
      while (own.length > 0 || copy.length > 0) {
        const list = copy.length === 0 || (own.length > 0 && order.next().value === true) ? own : copy;
        frames.push(...list.splice(0, 1));
      }
      const { items } = tell([...frames, ...end("stop")], { family: "m3" });
      expect(items.filter((item) => item !== "thought:")).toEqual([`thought:${words}`, "text:\nYes."]);
    });
    fc.assert(law, { numRuns: 500, seed: 20261128 });
  });

  it.each([
    ["in one delta", [...mirrored("I think hard"), text("\n</think>\nYes.")], ["thought:I think hard", "text:Yes."]],
    ["with another end", [thought("one t"), text("<think>one more</think>Yes.")], ["thought:one t", "thought:one more", "text:Yes."]], // prettier-ignore
    ["of another kind", [thought("a"), text("<think>\nb"), text("c</think>d")], ["thought:a", "thought:bc", "text:d"]],
    ["with more in content", [thought("one"), text("<think>one more</think>Yes.")], ["thought:one more", "text:Yes."]],
    ["with a call behind it", [...mirrored("Hm"), text("</think>"), named(0, "1", "f", "{}")], ["thought:Hm", "f({})"]],
    ["and late", [text(`<think>Hm</think>${m2call.slice(0, 60)}`), thought("Hm"), text(m2call.slice(60))], ["thought:Hm", 'f({"a": 1})']], // prettier-ignore
  ])("%s", (_, frames, items) => {
    expect(tell([...frames, ...end("stop")], { family: "m2" }).items).toEqual(items);
  });
});

describe("tags in content while reasoning has its own field", () => {
  it.each<[string, Family, string, string]>([
    ["opening", "m2", "The <think> tag opens thought.", "The <think> tag opens thought."],
    ["opening, M3", "m3", "The <mm:think> tag.", "The <mm:think> tag."],
    ["opening, on a line of its own", "m2", "Tags:\n<think>\nand", "Tags:\n<think>\nand"],
    ["both", "m2", "Write <think> first and </think> last.", "Write <think> first and </think> last."],
    ["closing once more, M3", "m3", "One.</mm:think>Two.", "One.Two."],
    ["closing once more", "m2", "One.\n</think>\nTwo.", "One.\nTwo."],
    ["closing first", "m2", "</think>\n\nTwo.", "\nTwo."],
  ])("%s", (_, family, said, expected) => {
    const whole = tell([thought("Hm."), text(said), ...end("stop")], { family });
    expect(whole.items).toEqual(["thought:Hm.", `text:${expected}`]);
    const single = tell([thought("Hm."), ...said.split("").map(text), ...end("stop")], { family });
    expect(single.items).toEqual(whole.items);
  });

  it("reads <thinking> too", () => {
    const frames = [text("<thinking>\nHm.\n</thinking>\nYes."), ...end("stop")];
    expect(tell(frames, { family: "m2" }).items).toEqual(["thought:Hm.", "text:Yes."]);
  });
});

describe("a call in markup that has no end", () => {
  const m2 = '<minimax:tool_call>\n<invoke name="bash">\n';
  const ns = "]<]minimax[>[";
  const calls: [string, Family, Partial<ModelMarkup>, string, string][] = [
    ["M2, in a value", "m2", {}, `${m2}<parameter name="command">rm -rf ./a`, "{"],
    ["M2, between parameters", "m2", {}, `${m2}<parameter name="path">a.txt</parameter>\n`, '{"path": "a.txt"'],
    ["M3", "m3", {}, `${ns}<tool_call>${ns}<invoke name="bash">${ns}<command>rm -rf ./a`, "{"],
    ["JSON", "m2", { calls: "json" }, '<tool_call>{"name": "bash", "arguments": {"command": "rm -rf ./a', '{"command": "rm -rf ./a'], // prettier-ignore
  ];
  const error = "upstream: the model's call of 'bash' broke off before its end";
  it.each(calls)("is an error that names the tool, but for the token limit: %s", (_, ...row) => {
    const [family, markup, said, args] = row;
    for (const finish of ["stop", "tool_calls"]) {
      expect(tell([text("So."), text(said), ...end(finish)], { family, markup })).toMatchObject({
        finish: "error",
        error,
      });
      expect(tell([thought(said), text("a"), ...end(finish)], { family, markup })).toMatchObject({
        finish: "error",
        error,
      });
      const limited = tell([text(said), ...end(finish)], { family, markup, maxTokens: 5 });
      expect(limited).toMatchObject({ items: [`bash(${args})`], finish: "length", error: "" });
    }
    const limited = tell([text(said), ...end("length")], { family, markup });
    expect(limited).toMatchObject({ items: [`bash(${args})`], finish: "length", error: "" });
    const followed = tell([text(said), named(0, "1", "f", "{}"), ...end("tool_calls")], { family, markup });
    expect(followed).toMatchObject({ finish: "error", error });
  });

  it("is an error where its arguments are not JSON", () => {
    const said = '<tool_call>\n{"name": "bash", "arguments": {"command": "ls", oops}}\n</tool_call>';
    expect(tell([text("So."), text(said), ...end("stop")], { family: "m2", markup: { calls: "json" } })).toMatchObject({
      finish: "error",
      error: "upstream: the model wrote arguments for 'bash' that are not valid JSON",
    });
  });
});

describe("text", () => {
  it("keeps tags of models that have no such markup", () => {
    const said = "Use `<think>` and </think>, or <minimax:tool_call>.";
    expect(tell([text(said.slice(0, 9)), text(said.slice(9)), ...end("stop")]).items).toEqual([`text:${said}`]);
  });

  it("is told to the last byte", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary", minLength: 1 })), (parts) => {
        const told = tell([...parts.map(text), ...end("stop")], {
          family: "m2",
          switches: { "inline-thought": false, "inline-calls": false },
        });
        expect(told.items.join("")).toBe(parts.length === 0 ? "" : `text:${parts.join("")}`);
      }),
    );
  });
});

describe("ends", () => {
  it.each([
    ["nothing", [], "thrown", "upstream: the upstream's answer broke off"],
    ["only [DONE]", [doneFrame], "thrown", "upstream: the upstream ended without a finish reason"],
    ["text, then nothing", [text("a")], "error", "upstream: the upstream's answer broke off"],
    ["no finish reason", [text("a"), usageFrame(5, 5), doneFrame], "stop", ""],
    [
      "no finish reason and no usage",
      [text("a"), doneFrame],
      "error",
      "upstream: the upstream ended without a finish reason",
    ],
    [
      "an error event without an error member, then [DONE]",
      [text("a"), 'event: error\ndata: {"message":"worker died","code":503}\n\n', doneFrame],
      "error",
      "overloaded: the upstream answered 503",
    ],
    [
      "an error event in plain text",
      [text("a"), "event: error\r\ndata: worker died\r\n\r\n", ...end("stop")],
      "error",
      "upstream: the upstream reported an error",
    ],
    [
      "an error event that is an array, without a blank line before it",
      [text("a").trimEnd(), "\nevent:error\ndata: [1]\n", ...end("stop")],
      "error",
      "upstream: the upstream reported an error",
    ],
    [
      "an error event without data",
      [text("a"), "event: error\n\n", ...end("stop")],
      "error",
      "upstream: the upstream reported an error",
    ],
    ["no [DONE]", [text("a"), frame({}, "stop")], "stop", ""],
    ["an empty answer", end("stop"), "stop", ""],
    ["an unknown reason", [text("a"), frame({}, "eos")], "stop", ""],
    ["a filter", [text("a"), frame({}, "content_filter")], "filter", ""],
    ["an abort", [text("a"), frame({}, "abort")], "error", "upstream: the upstream gave the answer up"],
    ["calls without a call", [text("a"), frame({}, "tool_calls")], "stop", ""],
    [
      "an error event first",
      ['data: {"error":{"message":"Loading","code":503}}\n\n'],
      "thrown",
      "overloaded: the upstream answered 503",
    ],
    [
      "an error event later",
      [text("a"), 'data: {"error":{"message":"boom","type":"server_error"}}\n\n'],
      "error",
      "upstream: the upstream reported an error",
    ],
    [
      "llama-server's error line",
      [text("a"), 'error: {"message":"the request exceeds the available context size","code":400}\n\n'],
      "error",
      "context: the request exceeds the available context size",
    ],
    [
      "vLLM's error object",
      [text("a"), 'data: {"object":"error","message":"engine dead","code":500}\n\n'],
      "error",
      "upstream: the upstream answered 500",
    ],
    [
      "the vendor's error",
      [
        text("a"),
        'data: {"type":"error","error":{"type":"server_error","message":"unknown error, 798 (1000)","http_code":"500"}}\n\n',
      ],
      "error",
      "upstream: the upstream answered 500",
    ],
    [
      "base_resp",
      [text("a"), 'data: {"choices":[],"base_resp":{"status_code":1027,"status_msg":"output new_sensitive"}}\n\n'],
      "error",
      "output-sensitive: the upstream reported an error",
    ],
    [
      "a broken event",
      [text("a"), 'data: {"choices":[{"del\n\n', text("b")],
      "error",
      "upstream: the upstream sent a broken event",
    ],
    ["a web page", ["<html>\n<body>busy</body>\n\n"], "thrown", "upstream: the upstream's answer broke off"],
  ])("on %s", (_, frames, finish, error) => {
    expect(tell(frames)).toMatchObject({ finish, error });
  });

  it("skips pings and comments", () => {
    const frames = [
      ": ping\n\n",
      "event: ping\ndata: ping\n\n",
      text("a"),
      "data:\n\n",
      "data: 12\n\n",
      ...end("stop"),
    ];
    expect(tell(frames)).toMatchObject({ items: ["text:a"], finish: "stop", fired: ["foreign-frame"] });
  });

  it("gives up on a stream of nothing but pings", () => {
    expect(tell(Array.from({ length: 200 }, () => "data: ping\n\n"))).toMatchObject({ finish: "thrown" });
  });

  it("ignores a last event that repeats the whole message", () => {
    const repeat = `data: ${JSON.stringify({ object: "chat.completion", choices: [{ index: 0, message: { content: "ab" }, finish_reason: "stop" }] })}\n\n`;
    expect(tell([text("a"), text("b"), repeat]).items).toEqual(["text:ab"]);
  });

  it("listens to the first choice only", () => {
    const other = `data: ${JSON.stringify({ choices: [{ index: 1, delta: { content: "x" } }] })}\n\n`;
    expect(tell([text("a"), other, ...end("stop")]).items).toEqual(["text:a"]);
  });
});

describe("calls that were not allowed", () => {
  const invoke = (name: string): string => `<invoke name="${name}">\n<parameter name="a">1</parameter>\n</invoke>\n`;
  const block = `<minimax:tool_call>\n${invoke("f")}${invoke("g")}</minimax:tool_call>`;
  const two = [named(0, "1", "f", '{"a":1}'), named(1, "2", "g", '{"b":2}'), ...end("tool_calls")];

  it("a second call is not told where one is the most, nor any where none is allowed", () => {
    expect(tell(two, { maxCalls: 1 })).toMatchObject({ items: ['f({"a":1})'], finish: "calls" });
    expect(tell([text("No."), ...two], { maxCalls: 0 })).toMatchObject({ items: ["text:No."], finish: "stop" });
  });

  it("markup is text where the request has no tools", () => {
    const quoted = `The page says: ${block}`;
    for (const family of ["m2", "m3"] as const) {
      const told = tell([thought(quoted), text(quoted), ...end("stop")], { family, tools: [] });
      expect(told).toMatchObject({ items: [`thought:${quoted}`, `text:${quoted}`], finish: "stop", error: "" });
    }
  });

  it("a call that may not be made may break off", () => {
    const said = block.slice(0, 60);
    const told = tell([text("Here: "), text(said), ...end("stop")], { family: "m2", maxCalls: 0 });
    expect(told).toMatchObject({ items: ["text:Here: "], finish: "stop", error: "" });
    const inThought = tell([thought(said), text("So."), ...end("stop")], { family: "m2", maxCalls: 0 });
    expect(inThought).toMatchObject({ items: ["text:So."], finish: "stop", error: "" });
  });

  it("whether they come as calls or as markup", () => {
    const told = tell([text(block), text("Done."), ...end("stop")], { family: "m2", maxCalls: 1 });
    expect(told).toMatchObject({ items: ['f({"a": 1})', "text:Done."], finish: "calls" });
  });
});

describe("usage", () => {
  it.each([
    [{ prompt_tokens_details: { cached_tokens: 3 } }, { cached: 3, reasoning: 0 }],
    [{ prompt_cache_hit_tokens: 4 }, { cached: 4, reasoning: 0 }],
    [
      { prompt_tokens_details: null, completion_tokens_details: { reasoning_tokens: 9 } },
      { cached: 0, reasoning: 9 },
    ],
    [{ reasoning_tokens: 2 }, { cached: 0, reasoning: 2 }],
  ])("reads %j", (extra, expected) => {
    const events = decode([bytes(text("a") + frame({}, "stop") + usageFrame(10, 20, extra))]);
    expect(foldEvents(events).usage).toEqual({ input: 10, output: 20, ...expected });
  });

  it("reads llama-server's timings", () => {
    const last = { choices: [], usage: { prompt_tokens: 10, completion_tokens: 2 }, timings: { cache_n: 7 } };
    const events = decode([bytes(`${text("a")}${frame({}, "stop")}data: ${JSON.stringify(last)}\n\n`)]);
    expect(foldEvents(events).usage).toEqual({ input: 10, cached: 7, output: 2, reasoning: 0 });
  });

  it("what was counted on the way does not stand for the last count, nor end the answer before its last words", () => {
    const first = {
      choices: [{ index: 0, delta: { content: "a" } }],
      usage: { prompt_tokens: 9, completion_tokens: 1 },
    };
    const reads = [`data: ${JSON.stringify(first)}\n\n`, frame({}, "stop"), text("b"), usageFrame(9, 2), doneFrame];
    const told = foldEvents(decode([bytes(reads.join(""))]));
    expect(told.text()).toBe("ab");
    expect(told.usage).toMatchObject({ input: 9, output: 2 });
  });

  it("estimates what nobody counted", () => {
    const zero = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: "x".repeat(40) } }], usage: { total_tokens: 0 } })}\n\n`;
    const events = decode([bytes(thought("y".repeat(20)) + zero + frame({}, "stop") + doneFrame)]);
    expect(foldEvents(events).usage).toEqual({ input: 5, cached: 0, output: 15, reasoning: 5 });
  });

  it("takes the last of continuous counts", () => {
    const counted = (n: number): string =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: "a" } }], usage: { prompt_tokens: 9, completion_tokens: n } })}\n\n`;
    expect(foldEvents(decode([bytes(counted(1) + counted(2) + frame({}, "stop") + doneFrame)])).usage).toMatchObject({
      input: 9,
      output: 2,
    });
  });
});

it("tells the same whatever reads bring", () => {
  const frames = [
    thought("a"),
    text("b"),
    named(0, "1", "f", '{"a":'),
    named(1, "2", "g", "{}"),
    more(0, "1}"),
    text("c"),
    ...end("tool_calls"),
  ];
  const apart = joined(decode(frames.map(bytes), { dialect: dialects.vllm }));
  expect(joined(decode([bytes(frames.join(""))], { dialect: dialects.vllm }))).toEqual(apart);
});

it("tells the tier that was used, once, where it is one of the vendor's", () => {
  const said = (tier: unknown): string =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: "a" } }], service_tier: tier })}\n\n`;
  const tiers = (...all: unknown[]): unknown[] =>
    decode([bytes(all.map(said).join("") + frame({}, "stop") + doneFrame)]).filter(({ type }) => type === "tier");
  expect(tiers("priority", "priority", null)).toEqual([{ type: "tier", tier: "priority" }]);
  expect(tiers("default", 5, undefined)).toEqual([]);
});
