import { describe, expect, it } from "vitest";
import { textOf, textPart } from "../../src/model/item.ts";
import { isObject, parseJson } from "../../src/model/json.ts";

describe("textOf", () => {
  it("joins the text of parts and passes over pictures", () => {
    const image = {
      type: "image",
      media: { kind: "url", url: "https://example.com/a.png" },
      detail: "default",
    } as const;
    expect(textOf([textPart("一"), image, textPart("👍\n")])).toBe("一👍\n");
    expect(textOf([])).toBe("");
  });
});

describe("parseJson", () => {
  it("gives the value, or undefined where the text is no JSON", () => {
    expect(parseJson('{"a":[1,null]}')).toEqual({ a: [1, null] });
    expect(parseJson("null")).toBeNull();
    for (const text of ["", "{", "{'a':1}", "undefined"]) expect(parseJson(text)).toBeUndefined();
  });
});

describe("isObject", () => {
  it("takes records only", () => {
    expect(isObject({})).toBe(true);
    for (const value of [null, [], "x", 1, undefined]) expect(isObject(value)).toBe(false);
  });
});
