/** The scripts of `parley completion`, in the shells that are on this machine. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Workplace } from "./command.ts";

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
});
afterAll(() => place.stop());

const inShell = (shell: string, line: string) => spawnSync(shell, ["-c", line], { encoding: "utf8" });
const has = (shell: string): boolean => inShell(shell, "exit 0").status === 0;

async function script(shell: string): Promise<string> {
  const { code, stdout, stderr } = await place.run(["completion", shell]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const path = join(place.data, `completion.${shell}`);
  writeFileSync(path, stdout);
  return path;
}

const cases: [typed: string, offers: string[], not: string[]][] = [
  ["parley ", ["serve", "keys", "client", "--version"], ["create"]],
  ["parley ke", ["keys"], ["serve"]],
  ["parley keys ", ["create", "rotate"], ["serve"]],
  ["parley keys create --na", ["--name"], ["--data"]],
  ["parley keys create --name ci --", ["--expires", "--data"], ["--sha256"]],
  ["parley usage --by ", ["key", "organisation", "model", "day"], ["--by"]],
  ["parley client co", ["codex", "continue"], ["qwen"]],
];

describe("parley completion", { timeout: 60_000 }, () => {
  it.runIf(has("bash"))("completes commands, options and their words in bash", async () => {
    const path = await script("bash");
    for (const [typed, offers, not] of cases) {
      const words = typed.split(" ");
      const list = words.map((word) => `'${word}'`).join(" ");
      const line = `. ${path}; COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _parley; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const found = inShell("bash", line);
      expect(found.stderr).toBe("");
      const replies = found.stdout.trim().split("\n");
      expect(replies).toEqual(expect.arrayContaining(offers));
      for (const word of not) expect(replies).not.toContain(word);
    }
  });

  it.runIf(has("fish"))("completes in fish", async () => {
    const path = await script("fish");
    for (const [typed, offers, not] of cases) {
      const found = inShell("fish", `source ${path}; complete -C ${JSON.stringify(typed)}`);
      expect(found.stderr).toBe("");
      const replies = found.stdout.split("\n").map((line) => line.split("\t")[0]);
      if (!typed.endsWith("-"))
        expect(replies).toEqual(expect.arrayContaining(offers.filter((word) => !word.startsWith("--v"))));
      for (const word of not) expect(replies).not.toContain(word);
    }
  });

  it.runIf(has("zsh"))("writes what zsh can read", async () => {
    const path = await script("zsh");
    expect(spawnSync("zsh", ["-n", path], { encoding: "utf8" }).stderr).toBe("");
  });

  it("holds every command and option of every shell, and no sentence ends a quotation", async () => {
    const [bash, zsh, fish] = await Promise.all(
      ["bash", "zsh", "fish"].map((shell) => place.run(["completion", shell])),
    );
    for (const ended of [bash, zsh, fish])
      for (const word of ["rotate", "sha256", "ai-sdk", "requests-per-minute"]) expect(ended?.stdout).toContain(word);
    expect(bash?.stdout.startsWith("_parley() {")).toBe(true);
    expect(zsh?.stdout.startsWith("#compdef parley\n")).toBe(true);
  });
});
