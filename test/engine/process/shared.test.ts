/** Where servers find embedded engines that one of them owns. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openSharedEngines } from "../../../src/app-embedded.ts";
import { processEngine, sharedEngine } from "../../../src/engine/process/engine.ts";
import { SharedEngines, socketFolder, socketPath } from "../../../src/engine/process/shared.ts";
import { ask, requestOf } from "../../contract/engine.ts";
import { LogRecord } from "../../telemetry/record.ts";
import { tinyModel } from "../llama/ask.ts";

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "parley-shared-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(scratch, { recursive: true, force: true });
});

/** A folder whose path has that many bytes. */
function folderOf(bytes: number): string {
  const made = `${scratch}/`.padEnd(bytes, "x");
  mkdirSync(made);
  return made;
}

describe("the sockets of shared engines", () => {
  it("are in /tmp where the path in the folder for temporary files would be too long", async () => {
    const { log } = new LogRecord();
    const temporary = folderOf(90);
    vi.stubEnv("TMPDIR", temporary);
    const engine = { model: tinyModel };
    const shared = await SharedEngines.open(log);
    try {
      expect(dirname(shared.folder)).toBe("/tmp");
      shared.add([engine]);
      const other = sharedEngine(engine, socketPath(shared.folder, engine), {});
      expect((await ask(other, requestOf("What is the capital of Peru?"))).text()).toContain("Lima");
      await other.close();
    } finally {
      await shared[Symbol.asyncDispose]();
    }
    expect(existsSync(shared.folder)).toBe(false);
  });

  it.each([
    ["/var/tmp", "/var/tmp"],
    ["/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T", "/tmp"],
    // counted in bytes
    [`/${"é".repeat(16)}`, "/tmp"],
  ])("of %s are in %s", (temporary, root) => {
    const path = socketPath(socketFolder(temporary), { model: tinyModel });
    expect(dirname(dirname(path))).toBe(root);
    expect(Buffer.byteLength(path)).toBeLessThanOrEqual(103);
  });

  it("are a wrong setting where their folder cannot be made", async () => {
    vi.stubEnv("TMPDIR", "/nonexistent");
    await expect(openSharedEngines(new LogRecord().log)).rejects.toMatchObject({
      name: "ConfigError",
      message: expect.stringMatching(/^no folder for the sockets .* in \/nonexistent: ENOENT.*; set TMPDIR/),
    });
  });

  it("that cannot be made end the process with a reason", async () => {
    const listen = join(scratch, randomUUID().repeat(4));
    const engine = processEngine({ model: tinyModel }, { listen });
    try {
      const reason = `it ended with status 1: Error: no socket can be made at ${listen}: Error: listen EINVAL`;
      await expect(engine.open()).rejects.toMatchObject({ cause: { message: expect.stringContaining(reason) } });
    } finally {
      await engine.close();
    }
  });
});
