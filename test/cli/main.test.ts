/** The command line as a caller has it: real processes, real exit codes. */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { doneFrame, fakeServer, frame, sse, usageFrame } from "../engine/upstream/fake.ts";
import { Workplace } from "./command.ts";

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
});
afterAll(() => place.stop());

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

describe("parley", () => {
  it("tells its version", async () => {
    expect(await place.run(["--version"])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: "" });
  });

  it("tells its commands, and a command's settings", async () => {
    const [all, serve] = await Promise.all([place.run(["--help"]), place.run(["serve", "--help"])]);
    for (const command of ["serve", "chat", "doctor", "models", "keys"]) expect(all.stdout).toContain(`  ${command} `);
    for (const option of ["--port", "--engine", "--data"]) expect(serve.stdout).toContain(option);
    expect([all.code, serve.code]).toEqual([0, 0]);
  });

  it.each([
    { what: "an unknown command", args: ["fly"], said: /unknown command 'fly'/ },
    { what: "an unknown option of a command", args: ["serve", "--fast"], said: /unknown option '--fast'/ },
    { what: "a missing argument", args: ["keys", "show"], said: /missing required argument 'key'/ },
    { what: "what an unknown command is like", args: ["serv"], said: /\(Did you mean serve\?\)/ },
    { what: "what an unknown command of a group is like", args: ["keys", "lst"], said: /\(Did you mean list\?\)/ },
    { what: "what an unknown option is like", args: ["serve", "--prot", "1"], said: /\(Did you mean --port\?\)/ },
    { what: "a port over the range", args: ["serve", "--port", "70000"], said: /port \(from --port\): found 70000;/ },
    { what: "an unknown engine", args: ["chat", "hello", "--engine", "warp"], said: /engine: found "warp"; allowed/ },
    { what: "an unknown model", args: ["chat", "hello", "--engine", "sim", "--model", "gpt"], said: /gpt/ },
  ])("ends with 2 and names $what", async ({ args, said }) => {
    const { code, stdout, stderr } = await place.run(args);
    expect(stderr).toMatch(said);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  it("ends with 2 and names a wrong setting of the environment and of the file", async () => {
    const file = join(place.data, "parley.yaml");
    writeFileSync(file, "hots: 0.0.0.0\n");
    const [environment, unknown] = await Promise.all([
      place.run(["doctor"], { PARLEY_LOG: "loud" }),
      place.run(["doctor", "--config", file]),
    ]);
    expect(environment.stderr).toMatch(/^parley: log \(from PARLEY_LOG\): found "loud"; .*debug/);
    expect(unknown.stderr).toMatch(/^parley: hots: unknown setting \(from .*parley\.yaml\)/);
    expect([environment.code, unknown.code]).toEqual([2, 2]);
  });
});

describe("parley chat", () => {
  it("stops quietly when nobody reads its output any more", async () => {
    const file = join(place.data, "slow.yaml");
    writeFileSync(file, "engines: { sim: { kind: sim, decodeTokensPerSecond: 100 } }\n");
    const words = Array.from({ length: 300 }, (_, at) => `word${at}`).join(" ");
    const command = place.start(["chat", `Repeat exactly: ${words}`, "--config", file]);
    await command.says(/word0/);
    command.child.stdout?.destroy();
    const { code, stderr } = await command.ended;
    expect(code).toBe(0);
    expect(stderr).not.toContain("EPIPE");
  });

  it("answers on standard output, thinks on standard error", async () => {
    const { code, stdout, stderr } = await place.run(["chat", "Repeat exactly: 你好 🌊", "--engine", "sim"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "你好 🌊\n" });
    expect(stderr.trim().length).toBeGreaterThan(0);
  });

  it("says in one line what is wrong with an engine, and ends with 1", async () => {
    const { code, stdout, stderr } = await place.run(["chat", "hello", "--engine", "/nowhere/model.gguf"]);
    expect(stderr).toBe("parley: no model file at '/nowhere/model.gguf'\n");
    expect({ code, stdout: stdout.trim() }).toEqual({ code: 1, stdout: "" });
  });
});

describe("parley doctor", { timeout: 60_000 }, () => {
  const doctor = (engine: string) => place.run(["doctor", "--engine", engine], { PARLEY_PORT: "0" });

  it("checks everything and tries the engine", async () => {
    const { code, stdout } = await doctor("sim");
    expect(code).toBe(0);
    const lines = stdout.trim().split("\n");
    expect(lines.map((line) => /^ok {4}([\w ]+):/.exec(line)?.[1])).toEqual([
      "node",
      "machine",
      "data folder",
      "store",
      "address",
      "engines",
    ]);
    expect(lines.at(-1)).toMatch(/default \(sim\) answers in \d+ ms/);
  });

  it("takes the flags of the server, and gives JSON", async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) =>
      taken.listen(0, "127.0.0.1", () => resolve((taken.address() as AddressInfo).port)),
    );
    const { code, stdout } = await place.run(["doctor", "--engine", "sim", "--port", String(port), "--json"]);
    taken.close();
    const outcomes = JSON.parse(stdout) as { check: string; ok: boolean; text: string }[];
    expect(outcomes.filter(({ ok }) => !ok)).toEqual([
      {
        check: "address",
        ok: false,
        text: `127.0.0.1:${port} is in use, perhaps by another Parley; choose another port with --port`,
      },
    ]);
    expect(outcomes).toHaveLength(6);
    expect(code).toBe(1);
  });

  it("is green on the README's own file when its servers answer", async () => {
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    const [, yaml = ""] = /```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
    const name = "MiniMaxAI/MiniMax-M2.7";
    const upstream = await fakeServer(({ path, body }, response) => {
      if (path.endsWith("/models")) response.end(JSON.stringify({ object: "list", data: [{ id: name }] }));
      else if (body["model"] !== name) response.writeHead(404).end();
      else sse(response).end(frame({ content: "Hi" }) + frame({}, "stop") + usageFrame(1, 1) + doneFrame);
    });
    const tiny = fileURLToPath(new URL("../../model/tiny-chat.gguf", import.meta.url));
    const file = join(place.data, "readme.yaml");
    writeFileSync(file, yaml.replace("./qwen.gguf", tiny).replaceAll(/http:\/\/10\.0\.0\.\d:8000/g, upstream.origin));
    const { code, stdout } = await place.run(["doctor", "--config", file, "--port", "0"]);
    await upstream.close();
    expect(stdout).toMatch(/ok {4}engines: m2 \(upstream\) answers in \d+ ms; small \(llama\) answers/);
    expect(code).toBe(0);
  });

  it("tells what fails and ends with 1", async () => {
    const { code, stdout } = await doctor("/nowhere/model.gguf");
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAIL {2}engines: no model file at/);
  });
});

describe("parley keys", { timeout: 60_000 }, () => {
  it("reports the folder in which it made a new database, once", async () => {
    const data = join(place.data, "new");
    const create = (name: string) => place.run(["keys", "create", "--name", name], { PARLEY_DATA: data });
    const [first, second] = [await create("one"), await create("two")];
    expect(first.stderr).toContain(`${data} held no data yet`);
    expect(first.stdout).toMatch(/^sk-parley-/);
    expect([first.code, second.code, second.stderr]).toEqual([0, 0, ""]);
  });

  it("lists them in a table of 80 columns", async () => {
    const data = join(place.data, "table");
    await place.run(["keys", "create", "--name", "laptop", "--owner", "anna", "--expires", "30d"], {
      PARLEY_DATA: data,
    });
    const { stdout } = await place.run(["keys", "list"], { PARLEY_DATA: data });
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^name {4}id {32}owner {2}state {3}expires$/);
    expect(lines[1]).toMatch(/^laptop {2}[0-9a-f]{32} {2}anna {3}active {2}\d{4}-\d\d-\d\d$/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("shows a key once; the list has no secret in it", async () => {
    const made = await place.run(["keys", "create", "--name", "build", "--json"]);
    const { id, name, key } = JSON.parse(made.stdout) as Record<string, string>;
    expect({ code: made.code, name }).toEqual({ code: 0, name: "build" });
    expect(key).toMatch(/^sk-parley-[0-9a-f]{40}$/);
    const listed = await place.run(["keys", "list", "--json"]);
    const rows = JSON.parse(listed.stdout) as { id: string; name: string }[];
    expect(rows.find((row) => row.id === id)).toMatchObject({ name: "build" });
    expect(listed.stdout).not.toContain(key);
  });

  it("needs a name", async () => {
    expect(await place.run(["keys", "create"])).toMatchObject({ code: 2, stdout: "" });
  });
});
