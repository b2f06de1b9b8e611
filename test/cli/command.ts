import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const bin = fileURLToPath(new URL("../../bin/parley.js", import.meta.url));

/** What a server prints when its port is open; the group is its URL. */
export const listens = /Parley listens on (http:\/\/127\.0\.0\.1:\d+)/;
/** A text that the simulator takes a while to repeat. */
export const hundredWords = Array.from({ length: 100 }, (_, index) => `word${index}`).join(" ");

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** With NODE_V8_COVERAGE set (a folder) the commands write their coverage there too; else nothing is added. */
function coverage(): Record<string, string> {
  const folder = process.env["NODE_V8_COVERAGE"];
  return folder === undefined ? {} : { NODE_V8_COVERAGE: folder };
}

/** A running command: what it said so far, and how it ended. */
export class RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";

  /** `input`: what stands on its standard input; default nothing. */
  constructor(args: readonly string[], environment: Record<string, string>, input = "") {
    // nothing of the surroundings: neither their settings nor their runtime's options
    const clean = { PATH: process.env["PATH"] ?? "", HOME: tmpdir(), ...coverage() };
    this.child = spawn(process.execPath, [bin, ...args], {
      env: { ...clean, ...environment },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.child.stdin?.on("error", () => undefined).end(input);
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve) =>
      this.child.once("close", (code) => resolve({ code, stdout: this.stdout, stderr: this.stderr })),
    );
  }

  signal(name: "SIGTERM" | "SIGINT"): void {
    this.child.kill(name);
  }

  /** Waits until the output or the errors hold something; fails when the command ends before. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    let over = false;
    void this.ended.then(() => (over = true));
    for (;;) {
      const found = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (found !== null) return found;
      if (over) throw new Error(`ended without ${String(pattern)}:\n${this.stdout}\n${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** A data folder and the commands run in it; all of it goes away with `stop`. */
export class Workplace {
  readonly data = mkdtempSync(join(tmpdir(), "parley-cli-"));
  private readonly commands: RunningCommand[] = [];

  start(args: readonly string[], environment: Record<string, string> = {}, input = ""): RunningCommand {
    const command = new RunningCommand(args, { PARLEY_DATA: this.data, ...environment }, input);
    this.commands.push(command);
    return command;
  }

  run(args: readonly string[], environment: Record<string, string> = {}, input = ""): Promise<Ended> {
    return this.start(args, environment, input).ended;
  }

  async stop(): Promise<void> {
    for (const { child } of this.commands)
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await Promise.all(this.commands.map(({ ended }) => ended));
    rmSync(this.data, { recursive: true, force: true });
  }
}
