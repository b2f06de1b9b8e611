/** `parley models`: from the list to an answer of a pulled model, against a stand-in hub. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hubModels } from "../../src/model/hub.ts";
import { filePath, sha256, startHub, type StandInHub } from "../service/stand-in-hub.ts";
import { Workplace } from "./command.ts";

const tiny = readFileSync(new URL("../../model/tiny-chat.gguf", import.meta.url));

let place: Workplace;
let hub: StandInHub;
beforeEach(async () => {
  place = new Workplace();
  hub = await startHub(tiny);
});
afterEach(async () => {
  await place.stop();
  await hub.stop();
});

const onHub = filePath.replace("/resolve/main", "").slice(1);
const models = (...args: string[]) => place.run(["models", ...args], { PARLEY_HUB_URL: hub.url });
const target = (): string => join(place.data, "models", "model-q8.gguf");

describe("parley models", { timeout: 60_000 }, () => {
  it("lists what is served, downloaded and available", async () => {
    const { code, stdout } = await models("--json", "--engine", "sim");
    const { served, pulled, known } = JSON.parse(stdout) as Record<string, Record<string, unknown>[]>;
    expect(code).toBe(0);
    expect(served?.[0]).toEqual({ model: "MiniMax-M3", engine: "default (sim)", engineModel: "MiniMax-M3" });
    expect(pulled).toEqual([]);
    expect(known?.map(({ name }) => name)).toEqual(hubModels.map(({ name }) => name));
  });

  it("pulls a model, lists it, and the model answers under its name", async () => {
    const pulled = await models("pull", onHub);
    expect(pulled.code).toBe(0);
    expect(pulled.stdout).toContain(`SHA-256 ${sha256(tiny)}`);
    expect(pulled.stdout).toContain(" serve --engine model-q8");
    expect(pulled.stderr).toMatch(/^model-q8\.gguf: 0 %, 0\.0 MB of 3\.8 MB\n/);
    expect(pulled.stderr).toMatch(/model-q8\.gguf: 100 %, 3\.8 MB of 3\.8 MB\n$/);
    expect(readFileSync(target()).equals(tiny)).toBe(true);

    const [list, answer] = await Promise.all([
      models("list", "--engine", "model-q8"),
      place.run(["chat", "Hello", "--engine", "model-q8"]),
    ]);
    expect(list.stdout).toMatch(/^model-q8 +model-q8.gguf +whole /m);
    expect(answer.code).toBe(0);
    expect(answer.stdout.trim().length).toBeGreaterThan(0);
  });

  it("tells a script one object, and nothing else", async () => {
    const { code, stdout, stderr } = await models("pull", onHub, "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      name: "model-q8",
      path: target(),
      bytes: tiny.length,
      sha256: sha256(tiny),
      verified: true,
      resumedAt: 0,
      present: false,
    });
  });

  it("keeps what came when it is stopped with Ctrl-C, and continues", async () => {
    hub.manners.hangAfter = 1_000_000;
    const stopped = place.start(["models", "pull", `${hub.url}${filePath}`], { PARLEY_HUB_URL: hub.url });
    await stopped.says(/2\d %/);
    stopped.signal("SIGINT");
    const { code, stderr } = await stopped.ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(/parley: stopped; the downloaded part is kept: run the same command again to continue\n$/);
    const kept = statSync(`${target()}.part`).size;
    const partial = await models("--json", "--engine", "sim");
    expect(JSON.parse(partial.stdout)).toMatchObject({ pulled: [{ name: "model-q8", state: "partial", bytes: kept }] });

    hub.manners = {};
    const again = await models("pull", `${hub.url}${filePath}`, "--json");
    expect(JSON.parse(again.stdout)).toMatchObject({ resumedAt: kept, verified: true });
    expect(readFileSync(target()).equals(tiny)).toBe(true);
  });

  it("may be named as the engine before it is there", async () => {
    const { code } = await place.run(["models", "pull", onHub, "--json"], {
      PARLEY_HUB_URL: hub.url,
      PARLEY_ENGINE: "qwen3-0.6b",
    });
    expect(code).toBe(0);
  });

  it.each([
    { what: "a wrong checksum", args: [onHub, "--sha256", "0".repeat(64)], code: 1, said: /wrong checksum, expected/ },
    { what: "a file that is not there", args: ["owner/other/x.gguf"], code: 1, said: /does not have this file/ },
    { what: "an unknown name", args: ["gpt-5"], code: 2, said: /model: found "gpt-5"; known are smollm2-360m/ },
    { what: "a checksum that is none", args: [onHub, "--sha256", "abc"], code: 2, said: /64 hexadecimal/ },
  ])("says $what in one line", async ({ args, code, said }) => {
    const ended = await models("pull", ...args);
    expect(ended.stderr).toMatch(said);
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: "" });
    expect(existsSync(target())).toBe(false);
  });

  it("names the host and what to do where there is no network", async () => {
    await hub.stop();
    const { code, stderr } = await models("pull", "qwen3-0.6b");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^parley: cannot reach 127\.0\.0\.1:\d+ \(ECONNREFUSED\)\. Without a network: .*--engine PATH\.gguf.*\n$/,
    );
  });
});
