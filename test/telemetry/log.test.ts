import { spawnSync } from "node:child_process";
import { expect, it, vi } from "vitest";
import { createLog } from "../../src/telemetry/log.ts";
import { LogRecord } from "./record.ts";

it("covers fields that could hold a secret or a prompt", () => {
  const record = new LogRecord();
  const fields = { authorization: "S", apiKey: "S", key: "S", body: "S", messages: ["S"], input: "S", prompt: "S" };
  record.log.info({ ...fields, headers: { authorization: "S", accept: "json" }, keyId: "k" }, "m");
  const line = JSON.parse(record.text()) as Record<string, unknown>;
  expect(Object.keys(fields).map((name) => line[name])).toEqual(Object.keys(fields).map(() => "***"));
  expect(line).toMatchObject({ headers: { authorization: "***", accept: "json" }, keyId: "k", level: 30, msg: "m" });
});

it("says nothing below its level", () => {
  const lines: string[] = [];
  const log = createLog("warn", { write: (line) => void lines.push(line) });
  log.debug({}, "a");
  log.info({}, "b");
  log.warn({}, "c");
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(["c"]);
});

it.each([
  ["ends by itself", "", 0],
  ["is ended", "process.exit(3)", 3],
  ["falls", 'throw new Error("boom")', 1],
])("is complete on standard error when the process %s", (_name, end, code) => {
  const source = new URL("../../src/telemetry/log.ts", import.meta.url).href;
  const script = `
    import { createLog } from ${JSON.stringify(source)};
    const log = createLog("info");
    for (let number = 0; number < 2000; number++) log.info({ number }, "line");
    ${end}`;
  const ended = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  const lines = ended.stderr.split("\n").filter((line) => line.startsWith("{"));
  expect(ended.status).toBe(code);
  expect(ended.stdout).toBe("");
  expect(lines.map((line) => (JSON.parse(line) as { number: number }).number)).toEqual(
    Array.from({ length: 2000 }, (_, index) => index),
  );
});

it("writes the lines of a moment at once, and those of later moments soon", () => {
  const source = new URL("../../src/telemetry/log.ts", import.meta.url).href;
  const script = `
    import fs from "node:fs";
    import { setTimeout } from "node:timers/promises";
    import { createLog } from ${JSON.stringify(source)};
    const { write } = fs;
    let writes = 0;
    fs.write = (...args) => {
      writes += 1;
      return write(...args);
    };
    const log = createLog("info");
    for (let number = 0; number < 50; number++) log.info({ number }, "line");
    while (writes < 1) await setTimeout(1);
    for (let number = 0; number < 50; number++) log.info({ number }, "line");
    while (writes < 2) await setTimeout(1);
    await setTimeout(150);
    console.log(writes);`;
  const ended = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect(ended.stdout).toBe("2\n");
  expect(ended.stderr.split("\n").filter((line) => line.startsWith("{"))).toHaveLength(100);
});

it("writes the time of each line in milliseconds", () => {
  const clock = vi.spyOn(Date, "now");
  try {
    const record = new LogRecord();
    const times = [0, 9, 999, 1_000, 1_764_353_512_005, 1_764_353_512_999, 1_764_353_511_000];
    for (const time of times) {
      clock.mockReturnValue(time);
      record.log.info("m");
    }
    const lines = record.text().trim().split("\n");
    const shown = lines.map((line) => (JSON.parse(line) as { time: string }).time);
    expect(shown).toEqual(times.map((time) => new Date(time).toISOString()));
  } finally {
    clock.mockRestore();
  }
});
