/**
 * The first hour of a reader: every settings block of README.md and docs/ is read by the settings reader, every command is run
 * against a real server. What cannot be run here stands in a list with its reason; a new block that is neither fails.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { configSchema } from "../../src/config/schema.ts";
import { red, clip } from "../media/fixture.ts";
import { commandsOf, isShell, pageBlocks, root, type Block } from "../support/page.ts";

const blocks = pageBlocks();

/** Commands that are not run here, and why. */
const notRun: Readonly<Record<string, string>> = {
  "npm ci && npm test": "is what runs this file",
  "export PARLEY_KEY=sk-parley-...": "the key of the server that was started stands in its place",
  "npm run package": "tools/try-package.ts",
  "npm install --global ./parley-ai-parley-0.1.0.tgz": "tools/try-package.ts",
  "npm install --save-dev ./parley-ai-parley-0.1.0.tgz": "tools/try-package.ts",
  'npx --package ./parley-ai-parley-0.1.0.tgz parley chat --engine sim "Say: hello"': "tools/try-package.ts",
  "parley models pull qwen3-0.6b": "downloads from a hub; test/cli/models.test.ts has a hub of its own",
  "parley serve --engine qwen3-0.6b": "needs that download",
  "parley serve --config /etc/parley/parley.yaml --workers 4": "test/cli/workers.test.ts",
  "npm install ai @ai-sdk/openai-compatible": "downloads; the packages are development dependencies of the tests",
  "node answer.ts": "test/cli/client runs the example",
  "cp deploy/env.example deploy/.env": "for the containers",
  ...Object.fromEntries(
    ["codex", "claude", "opencode", "qwen", "pi", "cn"].flatMap((client) => [
      [client, "a client program that is not installed here"],
      [
        `${client} ${client === "codex" ? "exec" : client === "opencode" ? "run" : "-p"} "Explain this repository"`,
        "the same",
      ],
    ]),
  ),
};

/** Commands of programs that are not here, and why they cannot be. */
const notHere: readonly { command: RegExp; why: string }[] = [
  {
    command: /^(?:docker|helm|kubectl) /,
    why: "needs a container engine or a cluster; test/deploy reads what it is given",
  },
  { command: /^(?:vllm serve|python -m sglang\.)/, why: "needs GPUs" },
  { command: /^pg_(?:dump|restore) /, why: "needs a PostgreSQL server" },
];

/** Settings blocks that are not of Parley, and by which test they are read. */
const otherYaml: Readonly<Record<string, string>> = {
  "# answers.yaml": "scripted answers: test/e2e/simulator-page.test.ts",
  "name: Local": "of Continue: test/cli/client",
};

/** What a command prints, and how it ends where that is not 0. Every command of README.md has a row. */
const outcomes: readonly { command: RegExp; output: RegExp; code?: number }[] = [
  { command: /^npm (?:ci && npm )?start/, output: /Parley listens on http:\/\/127\.0\.0\.1:\d+\n/ },
  {
    command: /^curl.*chat\/completions[^]*France/,
    output:
      /^\{"id":"[0-9a-f]{32}","choices":\[.*The capital of France is Paris\..*"base_resp":\{"status_code":0,"status_msg":""\}\}$/,
  },
  {
    command: /^curl.*\/v1\/responses[^]*France/,
    output: /^\{"id":"[0-9a-f]{32}","object":"response",.*"output_text":"The capital of France is Paris\."/,
  },
  { command: /client codex$/, output: /model_provider = "parley"/ },
  { command: /client codex --write$/, output: /config\.toml/ },
  { command: /keys create/, output: /^sk-parley-[0-9a-f]{40}\n/ },
  { command: /^curl.*files\/upload/, output: /^\{"file":\{"file_id":\d+,.*"status_msg":"success"\}\}$/ },
  { command: /mm_file/, output: /"content":".*video/ },
  { command: /^parley ledger show/, output: /07a1f7c3b2d94e5f8a6b1c2d3e4f5a6b/, code: 1 },
  { command: /^parley backup/, output: /the database and \d uploaded files? .* are in / },
  { command: /^parley restore/, output: /holds data already; --force replaces it/, code: 2 },
  { command: /^parley doctor/, output: /ok {4}engines: .* answers in/ },
];

/** One place with all that commands of pages write to. */
class Place {
  readonly folder = mkdtempSync(join(tmpdir(), "parley-first-hour-"));
  readonly data = join(this.folder, "data");
  private readonly groups: number[] = [];

  constructor() {
    for (const name of ["bin", "backups", "etc", "work"]) mkdirSync(join(this.folder, name));
    // the command as a global install has it
    writeFileSync(
      join(this.folder, "bin/parley"),
      `#!/bin/sh\nexec "${process.execPath}" "${root}bin/parley.js" "$@"\n`,
      { mode: 0o755 },
    );
  }

  /** Runs a command in a shell, in the checkout for npm's commands, else in an empty folder; until it ends, or shows `until`. */
  run(
    command: string,
    environment: Record<string, string>,
    until?: RegExp,
  ): Promise<{ code: number | null; output: string }> {
    const usual = { PATH: `${join(this.folder, "bin")}:${process.env["PATH"] ?? ""}`, HOME: this.folder };
    const cwd = command.startsWith("npm ") ? root : join(this.folder, "work");
    const env = { ...usual, PARLEY_DATA: this.data, npm_config_update_notifier: "false", ...environment };
    const child = spawn("bash", ["-c", command], { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    if (child.pid !== undefined) this.groups.push(child.pid);
    return new Promise((resolve) => {
      let output = "";
      const read = (text: string): void => {
        output += text;
        if (until?.test(output) === true) resolve({ code: 0, output });
      };
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", read);
      child.once("close", (code) => resolve({ code, output }));
    });
  }

  /** Ends every server that a command started, and deletes everything. */
  stop(): void {
    for (const group of this.groups) {
      try {
        process.kill(-group, "SIGKILL");
      } catch {
        // it has ended
      }
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

const listening = /Parley listens on (http:\/\/127\.0\.0\.1:\d+)\n[^]*curl /;

/** A server that lists one model, as vLLM does. */
function fakeUpstream() {
  const server = createServer((_request, response) =>
    response.end('{"object":"list","data":[{"id":"m","object":"model"}]}'),
  );
  return new Promise<{ url: string; stop: () => void }>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      resolve({ url: `http://127.0.0.1:${port}/v1`, stop: () => void server.close() });
    });
  });
}

describe("commands", { timeout: 120_000 }, () => {
  const place = new Place();
  let upstream: Awaited<ReturnType<typeof fakeUpstream>>;
  /** The servers behind README.md (the tiny model) and behind docs/ (the simulator). */
  const servers = new Map<string, { url: string; key: string }>();

  beforeAll(async () => {
    upstream = await fakeUpstream();
    writeFileSync(join(place.folder, "work/clip.mp4"), await clip({ extension: "mp4", colors: [red] }));
    writeFileSync(join(place.folder, "etc/parley.yaml"), "port: 0\nengines: { sim: { kind: sim } }\n");
    for (const name of ["team", "research"]) await place.run(`parley organisations create --name ${name}`, {});
    for (const [pages, command] of [
      ["README.md", "npm start"],
      ["docs", "npm start -- --engine sim"],
    ] as const) {
      const data = pages === "docs" ? place.data : join(place.folder, "readme");
      const { output } = await place.run(command, { PARLEY_PORT: "0", PARLEY_DATA: data }, listening);
      const [, url] = listening.exec(output) ?? expect.fail(`${command}: ${output}`);
      const [key] = /sk-parley-[0-9a-f]{40}/.exec(output) ?? expect.fail(output);
      servers.set(pages, { url: url ?? "", key });
    }
  }, 120_000);
  afterAll(() => {
    upstream.stop();
    place.stop();
  });

  /** The command with places of this test in the place of those of the page. */
  function here(command: string, { url }: { url: string }, files: readonly string[]): string {
    const replaced: readonly (readonly [string | RegExp, string])[] = [
      [/^npm ci && /, ""],
      ["http://127.0.0.1:8000/v1", upstream.url],
      ["http://127.0.0.1:8787", url],
      ["./some-instruct-model.gguf", "./model/tiny-chat.gguf"],
      ["/var/lib/parley", place.data],
      ["/var/backups", join(place.folder, "backups")],
      ["/etc/parley", join(place.folder, "etc")],
      [/(?<=mm_file:\/\/)\d+/, files.at(-1) ?? ""],
    ];
    return replaced.reduce((text, [from, to]) => text.replace(from, to), command);
  }

  function isRun(command: string): boolean {
    return !(command in notRun) && !notHere.some((row) => row.command.test(command));
  }

  /** What is wrong with the commands of a block. */
  async function faultsOf(block: Block): Promise<string[]> {
    const server = servers.get(block.page) ?? servers.get("docs") ?? expect.fail("no server");
    const home = mkdtempSync(join(place.folder, "home-"));
    const faults: string[] = [];
    const files: string[] = [];
    for (const command of commandsOf(block).filter(isRun)) {
      const outcome = outcomes.find((row) => row.command.test(command));
      if (outcome === undefined && block.page === "README.md") faults.push(`${command}: what does it print?`);
      const isServer = /^npm (?:ci && npm )?start/.test(command);
      const own = isServer ? { PARLEY_PORT: "0", PARLEY_DATA: join(home, "data") } : {};
      const environment = { PARLEY_KEY: server.key, HOME: home, ...own };
      const run = here(command, server, files);
      const { code, output } = await place.run(run, environment, isServer ? listening : undefined);
      const isRight = code === (outcome?.code ?? 0) && outcome?.output.test(output) !== false;
      if (!isRight) faults.push(`${command}: status ${code}\n${output}`);
      files.push(...(/"file_id":(\d+)/.exec(output)?.slice(1) ?? []));
    }
    return faults;
  }

  const shell = blocks.filter(isShell);

  it.each(shell.map((block) => [block.place, block] as const))("%s run", async (_place, block) => {
    expect(await faultsOf(block)).toEqual([]);
  });

  it("that are not run are commands of a page", () => {
    const all = new Set(shell.flatMap(commandsOf));
    expect(Object.keys(notRun).filter((command) => !all.has(command))).toEqual([]);
    expect(notHere.filter((row) => ![...all].some((command) => row.command.test(command)))).toEqual([]);
  });

  it("the example for the openai package runs", async () => {
    const { url, key } = servers.get("README.md") ?? expect.fail("no server");
    const block =
      blocks.find(({ page, language }) => page === "README.md" && language === "ts") ?? expect.fail("no example");
    const source = block.text.replace("http://127.0.0.1:8787", url);
    expect(source).not.toBe(block.text);
    symlinkSync(join(root, "node_modules"), join(place.folder, "work/node_modules"));
    writeFileSync(join(place.folder, "work/example.ts"), `${source}\nconsole.log(answer.output_text);\n`);
    const { code, output } = await place.run("node example.ts", { PARLEY_KEY: key });
    expect([code, output.trim()]).toEqual([0, expect.stringMatching(/./)]);
  });
});

describe("settings", () => {
  const yaml = blocks.filter(({ language }) => language === "yaml");
  const other = (block: Block): string | undefined =>
    Object.keys(otherYaml).find((begin) => block.text.startsWith(begin));

  /** Reads a file of settings with every variable and file that it refers to. */
  function read(text: string) {
    const folder = mkdtempSync(join(tmpdir(), "parley-first-hour-"));
    try {
      const path = join(folder, "parley.yaml");
      writeFileSync(path, text);
      for (const [, file = ""] of text.matchAll(/\{ file: (\S+) \}/g)) writeFileSync(join(folder, file), "a file");
      const names = [...text.matchAll(/\{ env: (\w+) \}/g)].map(([, name = ""]) => name);
      const environment = Object.fromEntries(names.map((name) => [name, `value-of-${name}-0123456789`]));
      return loadConfig({ environment, flags: { config: path } });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it.each(yaml.filter((block) => other(block) === undefined).map((block) => [block.place, block.text] as const))(
    "%s are read",
    (_place, text) => {
      expect(read(text)).toBeDefined();
    },
  );

  it("of other programs are those that are listed", () => {
    const found = yaml.map(other).filter((begin) => begin !== undefined);
    expect(found.toSorted()).toEqual(Object.keys(otherYaml).toSorted());
  });

  it("have a whole example, with all parts", () => {
    const text = readFileSync(join(root, "examples/parley.yaml"), "utf8");
    const config = read(text);
    expect(Object.keys(config.engines)).toEqual(["large", "hosted", "small", "tests"]);
    // strict mode, the form of streams and another hub are for few
    const parts = Object.keys(configSchema.shape).filter((name) => !["strict", "sse", "hub"].includes(name));
    expect(parts.filter((name) => !new RegExp(`^(?:# )?${name}:`, "m").test(text))).toEqual([]);
  });
});

describe("every block", () => {
  const known = new Set(["sh", "yaml", "json", "ts", "toml", "ini", "nginx", "text"]);

  it("says what it is", () => {
    const unknown = blocks.filter((block) => !known.has(block.language) && !isShell(block));
    expect(unknown.map(({ place }) => place)).toEqual([]);
  });

  it("of JSON is JSON", () => {
    const json = blocks.filter(({ language, text }) => language === "json" && !text.includes(",...}"));
    const broken = json.filter(({ text }) => {
      try {
        JSON.parse(text);
        return false;
      } catch {
        return true;
      }
    });
    expect(broken.map(({ place }) => place)).toEqual([]);
  });
});
