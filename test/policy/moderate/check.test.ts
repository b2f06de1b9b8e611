import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Secret } from "../../../src/lib/secret.ts";
import { ParleyError } from "../../../src/model/error.ts";
import { guarded, inPieces } from "../../../src/policy/moderate/check.ts";
import { endpointCheck, type EndpointOptions } from "../../../src/policy/moderate/endpoint.ts";
import type { Check, Verdict } from "../../../src/policy/moderate/finding.ts";
import { modelCheck, type Question } from "../../../src/policy/moderate/guard.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

const signal = new AbortController().signal;

describe("guarded", () => {
  const down: Check = () => Promise.reject(new Error("connection refused"));
  const silent: Check = (_text, ended) =>
    new Promise((_resolve, reject) => ended.addEventListener("abort", () => reject(ended.reason as Error)));

  it("fails closed or open, as it is told", async () => {
    const closed = guarded(down, { timeoutMs: 1000, fails: "closed", log: silentLog });
    await expect(closed("x", signal)).rejects.toMatchObject({ kind: "upstream", message: "moderation did not answer" });
    expect(await guarded(down, { timeoutMs: 1000, fails: "open", log: silentLog })("x", signal)).toBeUndefined();
  });

  it("waits no longer than its deadline", async () => {
    const check = guarded(silent, { timeoutMs: 20, fails: "closed", log: silentLog });
    await expect(check("x", signal)).rejects.toMatchObject({ kind: "upstream" });
  });

  it("does not take the caller's going away for a failure", async () => {
    const caller = new AbortController();
    const check = guarded(silent, { timeoutMs: 5000, fails: "open", log: silentLog });
    const asked = check("x", caller.signal);
    caller.abort();
    await expect(asked).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("inPieces", () => {
  it("asks about long texts in pieces that cut no word and no character, and tells the worst", async () => {
    const seen: string[] = [];
    const check: Check = (text) => {
      seen.push(text);
      return Promise.resolve(text.includes("m") ? { category: 3, severity: "mild" } : undefined);
    };
    expect(await inPieces(check, 10)("one two m three 🙂🙂🙂🙂🙂🙂🙂x", signal)).toEqual({
      category: 3,
      severity: "mild",
    });
    expect(seen.join("")).toBe("one two m three 🙂🙂🙂🙂🙂🙂🙂x");
    expect(seen[0]).toBe("one two m ");
    expect(seen.every((piece) => piece.isWellFormed() && piece.length <= 11)).toBe(true);
    seen.length = 0;
    expect(await inPieces(check, 10)("", signal)).toBeUndefined();
    expect(seen).toEqual([]);
  });

  it("asks side by side, and no further once something severe was found", async () => {
    let asked = 0;
    const check: Check = () => {
      asked += 1;
      return Promise.resolve({ category: 1, severity: "severe" });
    };
    await inPieces(check, 100)("x ".repeat(500), signal);
    expect(asked).toBe(4);
  });
});

describe("modelCheck", () => {
  const options = {
    model: "guard",
    prompt: "Judge: {text}\nAnswer:",
    maxTokens: 9,
    verdicts: [
      { pattern: "^unsafe\\s+s3", category: 2, severity: "severe" as const },
      { pattern: "^controversial", category: 7, severity: "mild" as const },
    ],
    safe: "^safe",
  };
  const answering = (answer: string): { check: Check; asked: Question[] } => {
    const asked: Question[] = [];
    const ask = (question: Question): Promise<string> => {
      asked.push(question);
      return Promise.resolve(answer);
    };
    return { check: modelCheck(options, ask), asked };
  };

  it("puts the text into its prompt as it is", async () => {
    const { check, asked } = answering("safe");
    expect(await check("costs $& and {text}", signal)).toBeUndefined();
    expect(asked).toEqual([{ model: "guard", prompt: "Judge: costs $& and {text}\nAnswer:", maxTokens: 9 }]);
  });

  it.each<[string, Verdict]>([
    ["Unsafe\nS3", { category: 2, severity: "severe" }],
    ["Controversial", { category: 7, severity: "mild" }],
    ["\nSAFE", undefined],
  ])("reads %j", async (answer, verdict) => {
    expect(await answering(answer).check("x", signal)).toEqual(verdict);
  });

  it("takes an answer it cannot read for a failure where it knows what safe looks like", async () => {
    await expect(answering("I like cats").check("x", signal)).rejects.toMatchObject({ kind: "upstream" });
  });
});

describe("endpointCheck", () => {
  let server: Server | undefined;
  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
    server = undefined;
  });

  async function listening(answer: unknown, status = 200): Promise<{ url: string; requests: Request[] }> {
    const requests: Request[] = [];
    server = createServer((request, response) => {
      void read(request).then((body) => {
        requests.push({ path: request.url ?? "", key: request.headers.authorization, body });
        response.writeHead(status, { "content-type": "application/json" });
        response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}/v1`, requests };
  }

  async function verdict(result: unknown, options: Partial<EndpointOptions> = {}): Promise<Verdict> {
    const { url } = await listening({ results: [result] });
    return endpointCheck({ url, categories: {}, ...options })("x", signal);
  }

  it("asks the way OpenAI's clients do", async () => {
    const { url, requests } = await listening({ results: [{ flagged: false, categories: { sexual: false } }] });
    const check = endpointCheck({ url: `${url}/`, key: new Secret("sk-1"), model: "omni", categories: {} });
    expect(await check("文字 🙂", signal)).toBeUndefined();
    expect(requests).toEqual([
      { path: "/v1/moderations", key: "Bearer sk-1", body: { input: "文字 🙂", model: "omni" } },
    ]);
  });

  it("knows the usual categories, takes the worst, and other for one it does not know", async () => {
    const flagged = true;
    expect(await verdict({ flagged, categories: { harassment: true } })).toEqual({ category: 5, severity: "mild" });
    expect(await verdict({ flagged, categories: { harassment: true, sexual: true } })).toEqual({
      category: 2,
      severity: "severe",
    });
    expect(await verdict({ flagged, categories: { weird: true } })).toEqual({ category: 7, severity: "severe" });
    expect(await verdict({ flagged, categories: {} })).toEqual({ category: 7, severity: "severe" });
  });

  it("takes the settings' rows and scores", async () => {
    const categories = { sexual: { category: 4, severity: "mild", score: 0.8 } } as const;
    const result = (score: number): unknown => ({
      flagged: true,
      categories: { sexual: true },
      category_scores: { sexual: score },
    });
    expect(await verdict(result(0.9), { categories })).toEqual({ category: 4, severity: "mild" });
    expect(await verdict(result(0.7), { categories })).toBeUndefined();
  });

  it.each<[string, unknown, number]>([
    ["another status", { results: [{}] }, 500],
    ["no results", { results: [] }, 200],
    ["no JSON", "<html>", 200],
  ])("fails at %s", async (_what, answer, status) => {
    const { url } = await listening(answer, status);
    await expect(endpointCheck({ url, categories: {} })("x", signal)).rejects.toThrow();
  });

  it("fails where nobody listens", async () => {
    const check = endpointCheck({ url: "http://127.0.0.1:9", categories: {} });
    await expect(check("x", signal)).rejects.toThrow();
    await expect(guarded(check, { timeoutMs: 5000, fails: "closed", log: silentLog })("x", signal)).rejects.toThrow(
      ParleyError,
    );
  });
});

interface Request {
  path: string;
  key: string | undefined;
  body: unknown;
}

async function read(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}
