import { describe, expect, it } from "vitest";
import { ParleyError } from "../../src/model/error.ts";
import { faultOf } from "../../src/telemetry/fault.ts";
import { LogRecord } from "./record.ts";

const secret = "什么 my secret words";

describe("faultOf", () => {
  it("tells what and where, and none of the words", () => {
    const cause = Object.assign(new TypeError(secret), { code: "ECONNREFUSED" });
    const fault = faultOf(new ParleyError("upstream", `it said: ${secret}`, { cause }));
    expect(fault).toMatchObject({
      type: "ParleyError",
      kind: "upstream",
      cause: { type: "TypeError", code: "ECONNREFUSED" },
    });
    expect(fault.frames?.[0]).toMatch(/^at .*fault\.test\.ts:\d+:\d+/);
    expect(JSON.stringify(fault)).not.toContain("secret");
  });

  it.each([
    ["a message of many lines that look like a stack", new Error(`one\n    at my secret (place.ts:1:1)\ntwo`)],
    ["a message that was changed", Object.assign(new Error(`    at my secret (a:1:1)`), { message: "other" })],
    ["a name that is somebody's text", Object.assign(new Error("x"), { name: secret })],
    ["a code that is somebody's text", Object.assign(new Error("x"), { code: secret })],
    ["what JSON.parse quotes", thrownBy(() => JSON.parse(secret))],
    ["a thrown text", secret],
    ["a thrown object", { message: secret }],
  ])("never shows %s", (_name, thrown) => {
    const record = new LogRecord();
    record.log.error({ err: thrown }, "failed");
    record.log.error({ err: new Error("outer", { cause: thrown }) }, "failed");
    expect(record.lines).toHaveLength(2);
    expect(record.text()).not.toContain("secret");
  });

  it("ends where causes go in a circle", () => {
    const error = new Error("a");
    error.cause = error;
    expect(faultOf(error).cause?.cause?.cause?.cause?.cause).toBeUndefined();
  });
});

function thrownBy(what: () => unknown): unknown {
  try {
    what();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
