import { describe, expect, it } from "vitest";
import { allCommands, examples, pathOf } from "../../src/cli/help.ts";
import { buildProgram } from "../../src/cli/program.ts";

const program = buildProgram();
const commands = allCommands(program);
const runnable = commands.filter((command) => command.commands.length === 0);

/** The whole help, as `--help` prints it. */
function helpOf(path: string): string {
  let text = "";
  const command = commands.find((one) => pathOf(one) === path);
  command?.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

describe("help", () => {
  it.each(runnable.map(pathOf))("of %s has an example of it", (path) => {
    const text = helpOf(path);
    expect(text).toMatch(new RegExp(`Examples?:\\n.* ${path}`));
    expect(text.split("\n").filter((line) => line.length > 80 && !line.includes(" -- "))).toEqual([]);
  });

  it("has examples of nothing else", () => {
    expect(Object.keys(examples).toSorted()).toEqual(runnable.map(pathOf).toSorted());
  });

  it.each([
    ["serve", "8787", "PARLEY_PORT"],
    ["serve", "127.0.0.1", "PARLEY_HOST"],
    ["serve", "", "PARLEY_CONFIG"],
    ["serve", "", "PARLEY_MODEL"],
    ["doctor", "8787", "PARLEY_PORT"],
    ["keys create", ".parley", "PARLEY_DATA"],
    ["chat", "embedded", "PARLEY_ENGINE"],
    ["chat", "", "PARLEY_KEY"],
    ["client codex", "", "CODEX_HOME"],
  ])("of %s shows the default %s and the variable %s", (path, value, variable) => {
    const text = helpOf(path).replaceAll(/\s+/g, " ");
    expect(text).toContain(value === "" ? `env: ${variable}` : `(default: ${value}, env: ${variable})`);
  });

  it("offers JSON from every command that reports something", () => {
    const silent = new Set(["serve", "completion bash", "completion zsh", "completion fish"]);
    const without = runnable.filter((one) => !one.options.some(({ long }) => long === "--json")).map(pathOf);
    expect(without.filter((path) => !silent.has(path))).toEqual([]);
  });
});
