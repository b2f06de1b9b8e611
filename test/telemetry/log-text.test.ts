import { describe, expect, it } from "vitest";
import { textLine } from "../../src/telemetry/log-text.ts";
import { createLog, logDestination } from "../../src/telemetry/log.ts";

/** The lines of one log as they are shown, without the time. */
function shown(write: (log: ReturnType<typeof createLog>) => void): string[] {
  const lines: string[] = [];
  write(createLog("debug", logDestination("text", { write: (line) => void lines.push(line) })));
  return lines.map((line) => {
    expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} /);
    expect(line.endsWith("\n")).toBe(true);
    return line.slice(13, -1);
  });
}

describe("a line of the log for people", () => {
  const request = { id: "i1", method: "POST", route: "/v1/chat/completions", status: 200, ms: 812.4, keyId: "k1" };

  it("shows a request with method, path, status, model, tokens and time in one piece", () => {
    const facts = { model: "MiniMax-M3", engine: "gpu", outcome: "stop", inputTokens: 12, cachedTokens: 0 };
    const more = { outputTokens: 34, firstTokenMs: 40.2, traceId: "t", spanId: "s" };
    expect(shown((log) => log.info({ ...request, ...facts, ...more }, "request"))).toEqual([
      "INFO  POST /v1/chat/completions 200 MiniMax-M3 12 in, 34 out 812 ms id=i1 keyId=k1 engine=gpu",
    ]);
  });

  it("shows the cached part of the input, and an outcome that is not the usual one", () => {
    const facts = { model: "m", outcome: "length", inputTokens: 12, cachedTokens: 10, outputTokens: 3 };
    expect(shown((log) => log.info({ ...request, ...facts }, "request"))).toEqual([
      "INFO  POST /v1/chat/completions 200 m 12 in (10 cached), 3 out 812 ms id=i1 keyId=k1 outcome=length",
    ]);
  });

  it("shows an error with its reason, and the known words of an unknown path", () => {
    const failed = {
      ...request,
      status: 502,
      error: "upstream",
      reason: "the upstream refused the connection: ECONNREFUSED",
    };
    const unknown = { id: "i2", method: "GET", path: "/openai/models", status: 404, error: "not-found", ms: 0.4 };
    expect(
      shown((log) => {
        log.warn(failed, "request");
        log.info(unknown, "request");
      }),
    ).toEqual([
      "WARN  POST /v1/chat/completions 502 812 ms upstream: the upstream refused the connection: ECONNREFUSED id=i1 keyId=k1",
      "INFO  GET /openai/models 404 0 ms not-found id=i2",
    ]);
  });

  it("shows other lines with their message, fields and where an error was thrown", () => {
    const [plain, failed] = shown((log) => {
      log.warn({ replica: "10.0.0.5:8000", reason: "it is down" }, "replica is down");
      log.error({ err: Object.assign(new TypeError("a secret prompt"), { code: "EIO" }), rows: 3 }, "not written");
    });
    expect(plain).toBe('WARN  replica is down replica=10.0.0.5:8000 reason="it is down"');
    expect(failed).toMatch(/^ERROR not written rows=3 err=TypeError\/EIO\n {4}at /);
    expect(failed).not.toContain("secret");
  });

  it("has no control characters of others, and is one line", () => {
    const [line] = shown((log) => log.info({ name: "a\u001b[31mred\nFAKE line" }, "m\u001b[2J"));
    expect(line).not.toMatch(/[\u0000-\u001f]/);
  });

  it("leaves what is no JSON as it is", () => {
    expect(textLine("not JSON\n")).toBe("not JSON\n");
  });
});

it("is JSON where no terminal reads it", () => {
  const lines: string[] = [];
  const log = createLog("info", logDestination("json", { write: (line) => void lines.push(line) }));
  log.info({ a: 1 }, "m");
  expect(JSON.parse(lines.join(""))).toMatchObject({ level: 30, a: 1, msg: "m" });
});
