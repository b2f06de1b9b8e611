import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openLedgerJournal } from "../../src/store/open.ts";
import type { LeftRows } from "../../src/store/store.ts";
import { row } from "../contract/store.ts";

let data = "";
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "parley-journal-"));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

const files = (): string[] => readdirSync(join(data, "ledger"));

async function left(): Promise<LeftRows[]> {
  const found: LeftRows[] = [];
  for await (const one of openLedgerJournal(data).left()) found.push(one);
  return found;
}

const open = JSON.stringify(new URL("../../src/store/open.ts", import.meta.url).href);

/** Runs a program with a `journal` and a `row`, in a process that then kills itself; `limit`: most KiB of a file. */
async function killed(program: string, limit = "unlimited"): Promise<string> {
  const code = `const { openLedgerJournal } = await import(${open});
    const row = (id) => ({ ...${JSON.stringify(row(""))}, id });
    const journal = openLedgerJournal(${JSON.stringify(data)});
    ${program}
    process.kill(process.pid, "SIGKILL");`;
  const shell = `ulimit -f ${limit}; exec "$0" --input-type=module -e "$1"`;
  const child = spawn("bash", ["-c", shell, process.execPath, code], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (text: Buffer) => (output += text.toString()));
  const [, signal] = (await once(child, "close")) as [number | null, string | null];
  expect(signal).toBe("SIGKILL");
  return output;
}

it("holds what a killed process appended and did not write, and is gone when that is booked", async () => {
  await killed(`
    for (const id of ["written-1", "written-2"]) journal.append(row(id));
    const empty = journal.cut();
    journal.append(row("waiting-1"));
    empty();
    journal.append(row("waiting-2"));
    const never = journal.cut();
    journal.append(row("waiting-3"));`);
  const found = await left();
  expect(found.flatMap(({ rows }) => rows.map(({ id }) => id)).toSorted()).toEqual([
    "waiting-1",
    "waiting-2",
    "waiting-3",
  ]);
  expect(found[0]?.rows[0]).toEqual(row(found[0]?.rows[0]?.id ?? "", { request: "request-" }));
  for (const one of found) await one.discard();
  expect(files()).toEqual([]);
});

it("leaves no file when everything was written, and nobody else takes what a running process holds", async () => {
  const journal = openLedgerJournal(data);
  expect(await left()).toEqual([]);
  journal.append(row("a"));
  expect(files()).toHaveLength(1);
  expect(statSync(join(data, "ledger", files()[0] ?? "")).mode & 0o777).toBe(0o600);
  expect(await left()).toEqual([]);
  journal.cut()();
  journal.close();
  expect(files()).toEqual([]);
});

it("leaves out a line that is no row", async () => {
  await killed(`journal.append(row("whole"));`);
  appendFileSync(join(data, "ledger", files()[0] ?? ""), 'null\n{"id":"half');
  const [found] = await left();
  expect([found?.rows.map(({ id }) => id), found?.unreadable]).toEqual([["whole"], 2]);
});

it("of another machine is offered at once and deleted after a day", async () => {
  await killed(`journal.append(row("whole"));`);
  const name = "0123456789ab-1-1-ff-0.jsonl";
  const path = join(data, "ledger", name);
  writeFileSync(path, `${JSON.stringify(row("theirs"))}\n`);
  for (const one of await left()) await one.discard();
  expect(files()).toEqual([name]);
  const before = Date.now() / 1000 - 25 * 3_600;
  utimesSync(path, before, before);
  const [theirs] = await left();
  expect(theirs?.rows.map(({ id }) => id)).toEqual(["theirs"]);
  await theirs?.discard();
  expect(files()).toEqual([]);
});

it("refuses a row that does not fit on a full disk, and keeps those before and after it whole", async () => {
  const output = await killed(
    `let kept = [];
    const append = (id) => { try { journal.append(row(id)); kept.push(id); } catch (error) { console.log(error.code ?? error.message); } };
    append("before"); append("x".repeat(2000)); append("after");
    console.log(kept.join());`,
    "1",
  );
  expect(output).toMatch(/no whole line|EFBIG/);
  expect(output.trim().split("\n").at(-1)).toBe("before,after");
  const [found] = await left();
  expect([found?.rows.map(({ id }) => id), found?.unreadable]).toEqual([["before", "after"], 0]);
});
