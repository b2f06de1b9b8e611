import { describe, expect, it } from "vitest";
import { invalid, ParleyError, toParleyError } from "../../src/model/error.ts";

describe("ParleyError", () => {
  it("carries its kind, message and details", () => {
    const cause = new Error("below");
    const error = new ParleyError("rate-limit", "too fast", { retryAfter: 3, code: "slow_down", cause });
    expect(error).toMatchObject({
      name: "ParleyError",
      kind: "rate-limit",
      message: "too fast",
      retryAfter: 3,
      code: "slow_down",
      cause,
    });
    expect(error.param).toBeUndefined();
  });

  it("has no cause of its own where none is given", () => {
    expect(Object.hasOwn(new ParleyError("internal", "x"), "cause")).toBe(false);
  });
});

describe("invalid", () => {
  it("names the field in the message and in param", () => {
    expect(invalid("messages[2].content", "must be a string")).toMatchObject({
      kind: "invalid",
      param: "messages[2].content",
      message: "messages[2].content: must be a string",
    });
  });

  it("says only the problem where no field is at fault", () => {
    expect(invalid("", "body is not JSON").message).toBe("body is not JSON");
  });
});

describe("toParleyError", () => {
  it("leaves a ParleyError as it is", () => {
    const error = new ParleyError("quota", "spent");
    expect(toParleyError(error)).toBe(error);
  });

  it("reads the ends of abort signals", () => {
    expect(toParleyError(AbortSignal.abort().reason).kind).toBe("canceled");
    expect(toParleyError(new DOMException("late", "TimeoutError")).kind).toBe("timeout");
  });

  it("hides the unknown behind internal and keeps it as the cause", () => {
    for (const thrown of [new TypeError("secret"), "text", undefined, null, 0]) {
      const error = toParleyError(thrown);
      expect(error.kind).toBe("internal");
      expect(error.message).not.toContain("secret");
      expect(error.cause).toBe(thrown);
    }
  });
});
