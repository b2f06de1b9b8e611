import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JsonText, respaced } from "../../../src/engine/markup/json-text.ts";

function read(text: string): { written: string; state: string; rest: string } {
  const json = new JsonText();
  const end = json.feed(text, 0);
  return { written: json.take(), state: json.state, rest: text.slice(end) };
}
function closed(text: string): string {
  const json = new JsonText();
  json.feed(text, 0);
  json.close();
  return json.take();
}

describe("JSON in pieces", () => {
  test.each([
    ['{"a":1,"b":[true,null,"x"]}', '{"a": 1, "b": [true, null, "x"]}'],
    [' { "a" : { } , "b" : [ ] } ', '{"a": {}, "b": []}'],
    ['{"10":1,"2":12345678901234567890,"e":1.50E+3}', '{"10": 1, "2": 12345678901234567890, "e": 1.50E+3}'],
    ['["\\u4e2d\\ud83d\\ude00","中🙂","\\/"]', '["\\u4e2d\\ud83d\\ude00", "中🙂", "\\/"]'],
    ['"a, b: c"', '"a, b: c"'],
    ["-0.5e-7", "-0.5e-7"],
    ["nul", undefined],
    ["{} {}", undefined],
    ["[1,]", undefined],
  ])("%s respaced", (text, expected) => {
    expect(respaced(text)).toBe(expected);
  });

  test.each([
    ["[1,]", "[1]"],
    ['{"a":1,}', '{"a": 1}'],
    ['["a\nb\tc\u0001"]', '["a\\nb\\tc\\u0001"]'],
    ['["C:\\dir \\x \\u12g4"]', '["C:\\\\dir \\\\x \\\\u12g4"]'],
    ["[True,False,None]", "[true, false, null]"],
  ])("%j mended", (text, expected) => {
    const { written, state } = read(text);
    expect(written).toBe(expected);
    expect(state).toBe("done");
    expect(() => void JSON.parse(written)).not.toThrow();
  });

  test("stops behind the value", () => {
    expect(read('{"a":1}, more')).toEqual({ written: '{"a": 1}', state: "done", rest: ", more" });
    expect(read("12]")).toEqual({ written: "12", state: "done", rest: "]" });
  });

  test.each(["{a:1}", "[1 2]", '{"a" 1}', "[01]", "[}", "{]", '["a":1]', "[truth]", ":", '{"a":}', "[,1]"])(
    "%s is broken",
    (text) => {
      expect(read(text).state).toBe("broken");
    },
  );

  test.each([
    ['{"a":"x', '{"a": "x"}'],
    ['{"a":"x\\u00', '{"a": "x"}'],
    ['{"a":[1,2', '{"a": [1]}'],
    ['{"a":[1,', '{"a": [1]}'],
    ['{"a":1,"b"', '{"a": 1}'],
    ['{"a":1,"b":fals', '{"a": 1}'],
    ['{"a":1,"b":false', '{"a": 1, "b": false}'],
    ["[[[", "[[[]]]"],
    ["", ""],
  ])("%s closed", (text, expected) => {
    expect(closed(text)).toBe(expected);
  });

  test("law: any JSON cut anywhere closes to JSON, and whole JSON keeps its value", () => {
    const law = fc.property(fc.json(), fc.nat(), (text, place) => {
      expect(JSON.parse(respaced(text) ?? "")).toEqual(JSON.parse(text));
      const cut = closed(text.slice(0, place % (text.length + 1)));
      expect(cut === "" || JSON.parse(cut) !== undefined).toBe(true);
    });
    fc.assert(law, { numRuns: 500, seed: 20261120 });
  });
});
