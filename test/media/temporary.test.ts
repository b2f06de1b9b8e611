/** The temporary folder that videos are written to. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ownedName } from "../../src/lib/owner.ts";
import { deleteAbandonedVideos } from "../../src/media/video.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "parley-temporary-"));
  vi.stubEnv("TMPDIR", folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

it("loses what ended processes left, and nothing that a running one writes", async () => {
  const [machine, , start] = ownedName().split("-");
  const [own, gone] = [`parley-video-${ownedName()}`, `parley-video-${machine}-4194304-${start}-00`];
  for (const name of [own, gone, "other"]) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "video"), "x");
  }
  await deleteAbandonedVideos();
  expect(readdirSync(folder).toSorted()).toEqual(["other", own].toSorted());
});

const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

it("that is full is named to the caller, who may come again, and nothing is left in it", async () => {
  const code = `
    const { ProcessVideoReader } = await import(${url("../../src/media/video.ts")});
    const { FairQueue } = await import(${url("../../src/lib/fair-queue.ts")});
    const reader = new ProcessVideoReader({ timeoutMs: 9_000, memoryBytes: 1e9, ffmpeg: undefined, slots: new FairQueue({ capacity: () => 1 }) });
    const { signal } = new AbortController();
    const work = { maxSide: 672, fps: 1, param: "part", callerKeyId: "key", signal };
    await reader.read(Buffer.alloc(100_000), work).catch(({ kind, message, retryAfter }) =>
      console.log(JSON.stringify({ kind, message, retryAfter })));`;
  const shell = `ulimit -f 1; exec "$0" --input-type=module -e "$1"`;
  const { stdout } = await promisify(execFile)("bash", ["-c", shell, process.execPath, code]);
  expect(JSON.parse(stdout)).toEqual({
    kind: "unavailable",
    message: "the server's temporary folder has no room left",
    retryAfter: 60,
  });
  expect(readdirSync(folder).filter((name) => name.startsWith("parley-video-"))).toEqual([]);
});
