/** Standard error of a server process: every line has the form of its log. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Workplace } from "./command.ts";

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.stop());

const listens = /Parley listens on (\S+)/;
const key = "sk-test-0123456789";

/** A module in the server's process: a signal makes a library warn, and then a mistake. */
const hook = `process.on("SIGUSR2", () => {
  process.emitWarning("mind the gap", { type: "GapWarning", code: "GAP1" });
  setTimeout(() => { throw new TypeError("a secret prompt"); }, 100);
});`;

/** What a server wrote that was asked a few times, then told to read a broken file, then to fall. */
async function life(format: Record<string, string>): Promise<{ code: number | null; lines: string[] }> {
  const file = join(place.data, "parley.yaml");
  const module = join(place.data, "hook.mjs");
  writeFileSync(file, JSON.stringify({ port: 0, engines: { sim: { kind: "sim" } } }));
  writeFileSync(module, hook);
  const environment = { PARLEY_API_KEYS: key, NODE_OPTIONS: `--import=${pathToFileURL(module).href}`, ...format };
  const server = place.start(["serve", "--config", file], environment);
  const [, url = ""] = await server.says(listens);
  const body = JSON.stringify({ model: "MiniMax-M3", messages: [{ role: "user", content: "Say hello" }] });
  const headers = { authorization: `Bearer ${key}` };
  await (await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body })).text();
  await (await fetch(`${url}/openai/v1/models`)).text();
  writeFileSync(file, "engines: &itself [*itself]\n");
  await server.says(/not taken over/);
  server.child.kill("SIGUSR2");
  const { code, stderr } = await server.ended;
  return { code, lines: stderr.trimEnd().split("\n") };
}

it("is JSON in every line where it is no terminal, up to a mistake that ends the process", async () => {
  const { code, lines } = await life({});
  const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(code).toBe(1);
  expect(parsed.find(({ msg }) => msg === "warning of the runtime")).toMatchObject({
    level: 40,
    name: "GapWarning",
    code: "GAP1",
    reason: "mind the gap",
  });
  expect(parsed.find(({ msg }) => msg === "settings not taken over")).toMatchObject({ level: 50 });
  expect(parsed.at(-1)).toMatchObject({ level: 50, err: { type: "TypeError", frames: expect.any(Array) } });
  expect(lines.join("\n")).not.toContain("secret");
});

it("is text in every line where the settings say so", async () => {
  const { code, lines } = await life({ PARLEY_LOG_FORMAT: "text" });
  expect(code).toBe(1);
  expect(lines.filter((line) => !/^(?:\d\d:\d\d:\d\d\.\d{3} (?:DEBUG|INFO|WARN|ERROR) |\s+at )/.test(line))).toEqual(
    [],
  );
  const text = lines.join("\n");
  expect(text).toMatch(/INFO {2}POST \/v1\/chat\/completions 200 MiniMax-M3 \d+ in, \d+ out \d+ ms /);
  expect(text).toMatch(/INFO {2}GET \/openai\/v1\/models 404 \d+ ms not-found /);
  expect(text).toContain("WARN  warning of the runtime name=GapWarning code=GAP1");
  expect(text).not.toContain("secret");
});

it("holds a failed start in the same form, whatever the level", async () => {
  const environment = { PARLEY_LOG: "silent", PARLEY_LOG_FORMAT: "text" };
  const args = ["serve", "--port", "0", "--engine", "./no-such.gguf"];
  const { code, stdout, stderr } = await place.run(args, environment);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/^\d\d:\d\d:\d\d\.\d{3} ERROR [^\n]*no model file at [^\n]*\n$/);
});
