import { describe, expect, it } from "vitest";
import type { Item } from "../../../src/model/item.ts";
import { finish } from "../../../src/lib/time-slices.ts";
import { parseJson } from "../../../src/model/json.ts";
import {
  parseTurn,
  turnInput,
  turnItems,
  turnOutput,
  type StoredTurn,
} from "../../../src/service/responses/stored-turn.ts";

const input: readonly Item[] = [
  {
    type: "message",
    role: "user",
    name: "Ann",
    parts: [
      { type: "text", text: "看 🙂\u0000" },
      { type: "image", media: { kind: "url", url: "https://a/b.png" }, detail: "low", maxLongSide: 64, param: "input" },
      { type: "video", media: { kind: "file", fileId: "12" }, detail: "default", fps: 1 },
    ],
  },
  { type: "message", role: "assistant", phase: "final", parts: [] },
  { type: "result", id: "c1", parts: [{ type: "text", text: "no" }], failed: true },
];
const answer: readonly Item[] = [
  { type: "reasoning", text: "so", encrypted: "e1" },
  { type: "call", id: "c2", name: "f", args: "{}" },
];
const turn: StoredTurn = { input, output: answer.map((item, index) => ({ id: `r_${index}`, item })) };
const read = (items: string, { body = "{}", output = "" } = {}): StoredTurn =>
  finish(parseTurn({ id: "r", items: parseJson(items), output: parseJson(output), body: parseJson(body) }));

describe("a stored turn", () => {
  it("is read as it was written, with the version of its form", () => {
    const [items, added] = [JSON.stringify(turnInput(turn.input)), JSON.stringify(turnOutput(turn))];
    expect(JSON.parse(items)).toEqual({ version: 2, input: turn.input });
    expect(JSON.parse(added)).toEqual({ version: 2, output: turn.output });
    expect(read(items, { output: added })).toEqual(turn);
    expect(read(items)).toEqual({ ...turn, output: [] });
  });

  it("of version 1 holds its output with its input", () => {
    expect(read(JSON.stringify({ version: 1, ...turn }))).toEqual(turn);
  });

  it("that begins its conversation anew is its output alone", () => {
    expect(turnItems({ ...turn, startsConversation: true })).toEqual(answer);
    expect(turnItems(turn)).toEqual([...input, ...answer]);
  });

  it("without a version is one list, whose last items are those of the body's output", () => {
    const items = JSON.stringify([...input, ...answer]);
    expect(read(items, { body: JSON.stringify({ output: [{ id: "r_0" }, { id: "r_1" }] }) })).toEqual(turn);
    expect(read(items)).toEqual({ input: [...input, ...answer], output: [] });
    expect(read("[]")).toEqual({ input: [], output: [] });
  });

  it.each([
    ["{", /response r cannot be read$/],
    ["null", /response r cannot be read$/],
    ["{}", /response r have version undefined; this Parley reads up to 2$/],
    ['{"version":3,"input":[],"output":[]}', /response r have version 3;/],
    ['{"version":2,"output":[]}', /cannot be read at input$/],
    ['{"version":1,"input":{},"output":[]}', /cannot be read at input$/],
    ['{"version":1,"input":[],"output":[{"id":"a","item":{"type":"song"}}]}', /at output\.0\.item\.type$/],
    ['[{"type":"call","id":"c","name":"f"}]', /at 0\.args$/],
    ['[{"type":"message","role":"king","parts":[]}]', /at 0\.role$/],
  ])("is refused where it is damaged or of a later version: %s", (items, message) => {
    expect(() => read(items)).toThrow(message);
  });
});
