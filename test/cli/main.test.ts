/** The command line as a caller has it: real processes, real exit codes. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
    { what: "a missing argument", args: ["chat"], said: /missing required argument 'text'/ },
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

describe("parley doctor", () => {
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

  it("tells what fails and ends with 1", async () => {
    const { code, stdout } = await doctor("/nowhere/model.gguf");
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAIL {2}engines: no model file at/);
  });
});

describe("parley keys", () => {
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
