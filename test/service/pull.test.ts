import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../src/lib/secret.ts";
import { ParleyError } from "../../src/model/error.ts";
import { hubModels } from "../../src/model/hub.ts";
import { nextHop } from "../../src/service/pull/hub.ts";
import { pull, type Pulled, type PullOrder } from "../../src/service/pull/pull.ts";
import { pullSource } from "../../src/service/pull/source.ts";
import { filePath, sha256, startHub, type StandInHub } from "./stand-in-hub.ts";

const size = 300_000;
const cut = 100_000;
const wrongSum = "0".repeat(64);

let hub: StandInHub;
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "parley-pull-"));
  hub = await startHub(ggufOf(size));
});

afterEach(async () => {
  await hub.stop();
  rmSync(folder, { recursive: true, force: true });
});

function ggufOf(bytes: number): Buffer {
  const file = randomBytes(bytes);
  file.write("GGUF", 0, "latin1");
  return file;
}

function bring(more: Partial<PullOrder> = {}, path = filePath): Promise<Pulled> {
  return pull({
    ...pullSource(`${hub.url}${path}`, hub.url),
    folder,
    signal: new AbortController().signal,
    ...more,
  });
}

/** The error of a pull that must fail. */
async function failure(more: Partial<PullOrder> = {}, path = filePath): Promise<ParleyError> {
  const thrown: unknown = await bring(more, path).then(
    () => new Error("it did not fail"),
    (error: unknown) => error,
  );
  if (!(thrown instanceof ParleyError)) throw thrown;
  return thrown;
}

/** A part of `cut` bytes, as a broken connection leaves it. */
async function interrupted(): Promise<ParleyError> {
  const { manners } = hub;
  hub.manners = { ...manners, hangAfter: cut };
  const error = await failure({ onProgress: (done) => void (done === cut && hub.cut()) });
  hub.manners = manners;
  expect(readFileSync(part()).equals(hub.file.subarray(0, cut))).toBe(true);
  return error;
}

const target = (): string => join(folder, "model-q8.gguf");
const part = (): string => `${target()}.part`;
const lastRange = (): string | undefined => hub.cdnAsked.at(-1)?.range;

describe("pull", () => {
  it("brings a file, checks it against the checksum of the redirect, and notes where it is from", async () => {
    const pulled = await bring();
    expect(pulled).toEqual({
      path: target(),
      bytes: size,
      sha256: sha256(hub.file),
      verified: true,
      resumedAt: 0,
      present: false,
    });
    expect(readFileSync(target())).toEqual(hub.file);
    expect(readdirSync(folder)).toEqual(["model-q8.gguf", "model-q8.gguf.json"]);
    expect(JSON.parse(readFileSync(`${target()}.json`, "utf8"))).toMatchObject({
      url: `${hub.url}${filePath}`,
      sha256: sha256(hub.file),
    });
  });

  it("tells how far it is, up to the end", async () => {
    const told: [number, number | undefined][] = [];
    await bring({ onProgress: (done, total) => told.push([done, total]) });
    expect(told[0]).toEqual([0, size]);
    expect(told.at(-1)).toEqual([size, size]);
    expect(told.map(([done]) => done)).toEqual(told.map(([done]) => done).toSorted((a, b) => a - b));
  });

  it("does not ask the hub for what is there", async () => {
    await bring();
    hub.hubAsked.length = 0;
    expect(await bring()).toMatchObject({ present: true, sha256: sha256(hub.file), verified: false });
    expect(hub.hubAsked).toEqual([]);
  });

  it("refuses what is there when it is another file than wanted, and leaves it", async () => {
    await bring();
    const error = await failure({ sha256: wrongSum });
    expect(error.message).toContain("there already");
    expect(existsSync(target())).toBe(true);
  });

  it("refuses a file of the same name from elsewhere, but not from a mirror", async () => {
    await bring();
    const elsewhere = filePath.replace("owner", "stranger");
    expect((await failure({}, elsewhere)).message).toContain(`is there already, from ${hub.url}${filePath}`);
    expect(await bring({}, `/mirror${filePath}`)).toMatchObject({ present: true });
  });

  it("takes a file that somebody put there", async () => {
    writeFileSync(target(), hub.file);
    expect(await bring({ sha256: sha256(hub.file) })).toMatchObject({ present: true, verified: true });
  });

  it("sends the token to the hub and not to the content network", async () => {
    await bring({ token: new Secret("hub-token") });
    expect(hub.hubAsked[0]?.authorization).toBe("Bearer hub-token");
    expect(hub.cdnAsked[0]?.authorization).toBeUndefined();
  });
});

describe("a broken download", () => {
  it("keeps what came, says so, and goes on there", async () => {
    const error = await interrupted();
    expect(error.message).toMatch(/broke off .*0\.1 MB are kept: run the same command again/);
    const told: number[] = [];
    const pulled = await bring({ onProgress: (done) => told.push(done) });
    expect(pulled).toMatchObject({ resumedAt: cut, bytes: size, verified: true, sha256: sha256(hub.file) });
    expect(hub.cdnAsked.at(-1)).toMatchObject({
      range: `bytes=${cut}-`,
      ifRange: `"${sha256(hub.file).slice(0, 16)}"`,
    });
    expect(told[0]).toBe(cut);
    expect(readFileSync(target())).toEqual(hub.file);
    expect(readdirSync(folder)).toEqual(["model-q8.gguf", "model-q8.gguf.json"]);
  });

  it("starts anew when the server ignores ranges", async () => {
    await interrupted();
    hub.manners.ignoresRange = true;
    expect(await bring()).toMatchObject({ resumedAt: 0, verified: true });
    expect(lastRange()).toBe(`bytes=${cut}-`);
    expect(readFileSync(target())).toEqual(hub.file);
  });

  it("starts anew when the file on the hub is another one by its checksum", async () => {
    await interrupted();
    hub.file = ggufOf(size);
    expect(await bring()).toMatchObject({ resumedAt: 0, verified: true });
    expect(lastRange()).toBeUndefined();
    expect(readFileSync(target())).toEqual(hub.file);
  });

  it("starts anew when the file is another one by its tag alone", async () => {
    hub.manners.checksum = "";
    await interrupted();
    hub.file = ggufOf(size);
    expect(await bring()).toMatchObject({ resumedAt: 0, verified: false });
    expect(readFileSync(target())).toEqual(hub.file);
  });

  it("starts anew when the file has another length now and the tag did not tell", async () => {
    hub.manners.etag = '"same"';
    hub.manners.checksum = "";
    await interrupted();
    hub.file = ggufOf(size + 7);
    expect(await bring()).toMatchObject({ resumedAt: 0, bytes: size + 7 });
    expect(readFileSync(target())).toEqual(hub.file);
  });

  it("does not continue what nobody can prove to be the same file", async () => {
    hub.manners = { checksum: "", etag: 'W/"weak"' };
    await interrupted();
    await bring();
    expect(lastRange()).toBeUndefined();
    expect(readFileSync(target())).toEqual(hub.file);
  });

  it("ends what was whole but not yet named", async () => {
    await interrupted();
    writeFileSync(part(), hub.file);
    expect(await bring()).toMatchObject({ bytes: size, verified: true, resumedAt: size });
    expect(readdirSync(folder)).toEqual(["model-q8.gguf", "model-q8.gguf.json"]);
  });

  it("starts anew when the part is longer than the file (416)", async () => {
    await interrupted();
    writeFileSync(part(), Buffer.concat([hub.file, hub.file]));
    expect(await bring()).toMatchObject({ resumedAt: 0, verified: true });
    expect(readFileSync(target())).toEqual(hub.file);
  });

  it("starts anew after a note that cannot be read, or of another address", async () => {
    for (const note of ["{", '{"url":"http://elsewhere/model-q8.gguf","etag":"x"}', "[]"]) {
      await interrupted();
      writeFileSync(`${target()}.json`, note);
      expect(await bring()).toMatchObject({ resumedAt: 0, verified: true });
      rmSync(target());
      rmSync(`${target()}.json`);
    }
  });

  it("is taken up again as often as allowed, and no more", async () => {
    hub.manners.hangAfter = cut;
    const onProgress = (done: number): void => {
      if (done === hub.cdnAsked.length * cut) hub.cut();
    };
    expect(await bring({ onProgress, retries: 2, pauseMs: 1 })).toMatchObject({ resumedAt: 2 * cut, verified: true });
    expect(hub.cdnAsked.map(({ range }) => range)).toEqual([undefined, `bytes=${cut}-`, `bytes=${2 * cut}-`]);
    rmSync(target());
    hub.cdnAsked.length = 0;
    expect((await failure({ onProgress, retries: 1, pauseMs: 1 })).message).toContain("0.2 MB are kept");
  });

  it("is kept when it is stopped", async () => {
    hub.manners.hangAfter = cut;
    const aborter = new AbortController();
    const onProgress = (done: number): void => {
      if (done === cut) aborter.abort();
    };
    await expect(bring({ signal: aborter.signal, onProgress })).rejects.toMatchObject({ name: "AbortError" });
    hub.manners = {};
    expect(await bring()).toMatchObject({ resumedAt: cut, verified: true });
  });

  it("ends by itself when the hub falls silent, and can be continued", async () => {
    hub.manners.hangAfter = cut;
    expect((await failure({ stallMs: 150 })).message).toMatch(/stopped sending.*0\.1 MB are kept/);
    hub.manners = {};
    expect(await bring()).toMatchObject({ resumedAt: cut, verified: true });
  });
});

describe("a wrong file", () => {
  it("with the wrong checksum is thrown away and never gets its name", async () => {
    hub.manners.checksum = wrongSum;
    const error = await failure();
    expect(error.message).toContain(`expected SHA-256 ${wrongSum}, found ${sha256(hub.file)}`);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is found by the caller's checksum, which stands above the hub's", async () => {
    expect((await failure({ sha256: wrongSum })).message).toContain("wrong checksum");
    hub.manners.checksum = wrongSum;
    expect(await bring({ sha256: sha256(hub.file) })).toMatchObject({ verified: true });
  });

  it("whose part was damaged on the disk is found", async () => {
    await interrupted();
    const damaged = Buffer.from(hub.file.subarray(0, cut));
    damaged[50_000] = (damaged[50_000] ?? 0) ^ 1;
    writeFileSync(part(), damaged);
    expect((await failure()).message).toContain("wrong checksum");
    expect(readdirSync(folder)).toEqual([]);
  });

  it("that is no GGUF is thrown away", async () => {
    hub.file = Buffer.from("<html>please log in</html>");
    expect((await failure()).message).toContain("sent no GGUF file");
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("a hub that has no file for us", () => {
  it.each([
    [404, /does not have this file \(HTTP 404, .*model-q8\.gguf\)/],
    [401, /wants a login.*PARLEY_HUB_TOKEN/],
    [403, /accept the model's licence/],
    [429, /slow down/],
    [503, /try again later/],
    [204, /unexpected/],
  ])("status %i is one clear line", async (status, message) => {
    hub.manners.status = status;
    expect((await failure()).message).toMatch(message);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("keeps a part through a failure of the hub", async () => {
    await interrupted();
    hub.manners.status = 503;
    await failure();
    hub.manners = {};
    expect(await bring()).toMatchObject({ resumedAt: cut });
  });

  it("is named when it cannot be reached, with what to do", async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const source = pullSource(`http://127.0.0.1:${port}/o/r/resolve/main/a.gguf`, hub.url);
    const { message } = await failure(source);
    expect(message).toContain(`cannot reach 127.0.0.1:${port} (ECONNREFUSED)`);
    expect(message).toMatch(/--engine PATH\.gguf.*PARLEY_HUB_URL/);
  });

  it("may not redirect for ever", async () => {
    expect((await failure({}, "/loop.gguf")).message).toContain("redirects without end");
  });

  it("may not redirect out of encryption, nor to another kind of address", () => {
    const secure = new URL("https://hub.test/a");
    expect(() => nextHop(secure, "http://cdn.test/a")).toThrow(/not followed/);
    expect(() => nextHop(secure, "file:///etc/passwd")).toThrow(/not followed/);
    expect(() => nextHop(secure, null)).toThrow(/nowhere/);
    expect(nextHop(secure, "/b").href).toBe("https://hub.test/b");
    expect(nextHop(new URL("http://hub.test/a"), "http://cdn.test/b").href).toBe("http://cdn.test/b");
  });
});

describe("a full disk", () => {
  it("is told before the download when the size is known", async () => {
    hub.manners.claimedLength = 1e15;
    expect((await failure()).message).toMatch(/not enough space in .*1000000000\.0 MB are needed/);
  });

  it.runIf(existsSync("/dev/full"))("is told when it happens", async () => {
    symlinkSync("/dev/full", part());
    expect((await failure()).message).toMatch(/is full; the downloaded part is kept: make room/);
    expect(existsSync(target())).toBe(false);
  });
});

describe("pullSource", () => {
  const base = "https://hub.test/mirror/";

  it("knows the names of the list, in any case", () => {
    for (const { name, repository, file } of hubModels) {
      expect(pullSource(name.toUpperCase(), base)).toEqual({
        url: new URL(`https://hub.test/mirror/${repository}/resolve/main/${file}`),
        file,
      });
    }
  });

  it.each([
    ["owner/repo/file.Q4.gguf", "https://hub.test/mirror/owner/repo/resolve/main/file.Q4.gguf"],
    ["owner/repo/sub/file.gguf", "https://hub.test/mirror/owner/repo/resolve/main/sub/file.gguf"],
    ["https://h.test/o/r/blob/main/a.gguf#top", "https://h.test/o/r/resolve/main/a.gguf"],
    ["https://h.test/o/r/resolve/main/a.gguf?download=true", "https://h.test/o/r/resolve/main/a.gguf?download=true"],
  ])("takes %s", (wanted, url) => {
    expect(pullSource(wanted, base).url.href).toBe(url);
  });

  it.each([
    "nothing-known",
    "owner/repo",
    "",
    "https://",
    "https://h.test/a.bin",
    "https://h.test/..%2f..%2fevil.gguf",
    "https://h.test/.gguf",
    "https://h.test/%E0%A4%A.gguf",
    "../../../etc/x.gguf",
    "file:///etc/x.gguf",
  ])("refuses %j and says what is allowed", (wanted) => {
    expect(() => pullSource(wanted, base)).toThrow(ParleyError);
  });
});

describe("the list", () => {
  it("has one row a name, ordered by size, of plain file names", () => {
    expect(new Set(hubModels.map(({ name }) => name)).size).toBe(hubModels.length);
    expect(hubModels.map(({ bytes }) => bytes)).toEqual(hubModels.map(({ bytes }) => bytes).toSorted((a, b) => a - b));
    for (const { name, file, repository } of hubModels) {
      expect(name).toBe(name.toLowerCase());
      expect(file).toMatch(/^[\w.-]+\.gguf$/);
      expect(repository).toMatch(/^[\w.-]+\/[\w.-]+$/);
    }
  });
});
