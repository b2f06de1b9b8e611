import { describe, expect, it } from "vitest";
import { envelope, envelopeTable } from "../../../src/surface/shared/envelope.ts";
import { contextError } from "../../../src/model/context-bound.ts";
import { type ErrorKind, errorKinds, invalid, ParleyError } from "../../../src/model/error.ts";

const requestId = "0660b098aa1e9dd5a6773a48c479fc89";

/** Rows the vendor documents or was seen to send: kind, status, type, numeric code. */
const documented: readonly [ErrorKind, number, string, number][] = [
  ["invalid", 400, "bad_request_error", 2013],
  ["context", 400, "bad_request_error", 2013],
  ["unauthenticated", 401, "authorized_error", 1004],
  ["key-rejected", 401, "authorized_error", 2049],
  ["rate-limit", 429, "rate_limit_error", 1002],
  ["connection-limit", 429, "rate_limit_error", 1041],
  ["growth-limit", 429, "rate_limit_error", 2045],
  ["balance", 402, "insufficient_balance_error", 1008],
  ["quota", 429, "rate_limit_error", 2056],
  ["input-sensitive", 422, "bad_request_error", 1026],
  ["output-sensitive", 422, "bad_request_error", 1027],
  ["overloaded", 529, "overloaded_error", 2064],
  ["internal", 500, "server_error", 1000],
];

describe("envelope", () => {
  it("equals the vendor's body, byte for byte", () => {
    const { status, body } = envelope(invalid("", "chat content has invalid message role: system"), requestId);
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toBe(
      `{"type":"error","error":{"type":"bad_request_error","message":"invalid params, chat content has invalid message role: system (2013)","http_code":"400"},"request_id":"${requestId}"}`,
    );
  });

  it.each(documented)("%s: %i %s (%i)", (kind, status, type, code) => {
    const answer = envelope(new ParleyError(kind, "words"), requestId);
    expect(answer.status).toBe(status);
    expect(answer.body.error).toMatchObject({ type, http_code: String(status) });
    expect(answer.body.error.message.endsWith(` (${code})`)).toBe(true);
  });

  it("knows every kind and gives each an error status", () => {
    expect(Object.keys(envelopeTable).toSorted()).toEqual([...errorKinds].toSorted());
    for (const row of Object.values(envelopeTable)) {
      expect(row.status).toBeGreaterThanOrEqual(400);
      expect(row.status).toBeLessThan(600);
      expect(row.code).toBeGreaterThan(0);
    }
  });

  it("never shows what an internal error says", () => {
    const { body } = envelope(new ParleyError("internal", "password is hunter2"), requestId);
    expect(body.error.message).toBe("unknown error, 999 (1000)");
  });

  it("keeps the vendor's words for the context window, whatever the engine said", () => {
    const { body } = envelope(new ParleyError("context", "the prompt has 12 tokens"), requestId);
    expect(body.error.message).toBe("invalid params, context window exceeds limit (2013)");
    const sized = envelope(contextError({ tokens: 12, windowTokens: 10 }), requestId);
    expect(sized.body.error.message).toBe(
      "invalid params, context window exceeds limit: the prompt has 12 tokens, the window has 10 tokens (2013)",
    );
  });

  it.each([
    [0, "1"],
    [0.001, "1"],
    [2, "2"],
    [2.1, "3"],
  ])("says after %d s in whole seconds when to retry: %s", (retryAfter, header) => {
    const { headers } = envelope(new ParleyError("rate-limit", "too many", { retryAfter }), requestId);
    expect(headers).toEqual({ "retry-after": header });
  });

  it("has no header where no time is known", () => {
    expect(envelope(new ParleyError("rate-limit", "too many"), requestId).headers).toEqual({});
  });
});
