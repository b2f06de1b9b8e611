/** Where links of this server lead: what the settings, the request and its proxies say. */
import { afterEach, describe, expect, it } from "vitest";
import { startServer, testKey, type Running } from "../e2e/start.ts";

let parley: Running | undefined;
afterEach(async () => {
  await parley?.stop();
  parley = undefined;
});

/** The URL before the path of a download link. */
async function linkBase(settings: object, headers: Record<string, string> = {}): Promise<string> {
  parley = await startServer({ engine: "sim", ...settings });
  const authorization = `Bearer ${testKey}`;
  const form = new FormData();
  form.set("purpose", "video_generation_input");
  const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  form.set("file", new Blob([Buffer.from(pixel, "base64")]), "a.png");
  const sent = await fetch(`${parley.url}/v1/files/upload`, { method: "POST", headers: { authorization }, body: form });
  const { file } = (await sent.json()) as { file: { file_id: number } };
  const path = `${parley.url}/v1/files/retrieve?file_id=${file.file_id}`;
  const answer = await fetch(path, { headers: { authorization, ...headers } });
  const { download_url: link } = ((await answer.json()) as { file: { download_url: string } }).file;
  const [base = "", rest = ""] = link.split("/v1/files/retrieve_content?");
  // the link is the same wherever it leads
  expect((await fetch(`${parley.url}/v1/files/retrieve_content?${rest}`)).headers.get("content-type")).toBe(
    "image/png",
  );
  return base.replace(parley.url, "SERVER");
}

const forwarded = { "x-forwarded-proto": "https", "x-forwarded-host": "llm.example.com" };
const trusted = { trustedProxies: ["127.0.0.0/8"] };

describe("a download link leads to", () => {
  it.each<[string, object, Record<string, string>, string]>([
    ["the request's own host", {}, {}, "SERVER"],
    ["that also where anybody sends a proxy's headers", {}, forwarded, "SERVER"],
    ["that where another proxy is trusted", { trustedProxies: ["10.0.0.0/8"] }, forwarded, "SERVER"],
    ["what a trusted proxy says", trusted, forwarded, "https://llm.example.com"],
    [
      "what the nearest of several says",
      trusted,
      { ...forwarded, "x-forwarded-host": "evil.example, a.example:8443" },
      "https://a.example:8443",
    ],
    ["the request's host over TLS, where it names no host", trusted, { "x-forwarded-proto": "HTTPS" }, "https://127"],
    ["the request's host where it names none", trusted, { "x-forwarded-host": "a/b?c" }, "SERVER"],
    ["and scheme where it names another", trusted, { "x-forwarded-proto": "javascript" }, "SERVER"],
    [
      "the public URL, whatever a request says",
      { publicUrl: "https://llm.example.com/api/", ...trusted },
      { "x-forwarded-host": "b" },
      "https://llm.example.com/api",
    ],
  ])("%s", async (_name, settings, headers, base) => {
    expect((await linkBase(settings, headers)).replace(/^https:\/\/127[\d.:]+$/, "https://127")).toBe(base);
  });
});
