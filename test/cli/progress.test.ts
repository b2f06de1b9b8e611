import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bytesText, Progress } from "../../src/cli/progress.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

/** A screen that remembers. */
function screen(isTTY: boolean) {
  const said: string[] = [];
  return { said, isTTY, write: (text: string) => said.push(text) };
}

describe("progress", () => {
  it("is a bar that redraws itself on a terminal, with speed and time left", () => {
    const terminal = screen(true);
    const progress = new Progress("m.gguf", terminal, false);
    progress.update(0, 4e6);
    vi.advanceTimersByTime(2_000);
    progress.update(1e6, 4e6);
    progress.end();
    expect(terminal.said).toEqual([
      `\r\u001b[Km.gguf ${"░".repeat(28)} 0 %  0.0 MB of 4.0 MB`,
      `\r\u001b[Km.gguf ${"█".repeat(7)}${"░".repeat(21)} 25 %  1.0 MB of 4.0 MB  0.5 MB/s, 6 s left`,
      "\n",
    ]);
  });

  it("counts the speed from where it went on, not from the start of the file", () => {
    const terminal = screen(true);
    const progress = new Progress("m.gguf", terminal, false);
    progress.update(3e6, 4e6);
    vi.advanceTimersByTime(1_000);
    progress.update(3.5e6, 4e6);
    expect(terminal.said.at(-1)).toContain("0.5 MB/s, 1 s left");
  });

  it("redraws ten times a second at most, and always the end", () => {
    const terminal = screen(true);
    const progress = new Progress("m.gguf", terminal, false);
    for (let done = 0; done < 1_000; done += 1) {
      progress.update(done, 1_000);
      vi.advanceTimersByTime(1);
    }
    progress.update(1_000, 1_000);
    expect(terminal.said).toHaveLength(11);
    expect(terminal.said.at(-1)).toContain("█".repeat(28));
  });

  it("is a plain line every ten percent elsewhere", () => {
    const file = screen(false);
    const progress = new Progress("m.gguf", file, false);
    for (let done = 0; done <= 100; done += 1) progress.update(done * 1e6, 1e8);
    progress.end();
    expect(file.said).toHaveLength(11);
    expect(file.said[0]).toBe("m.gguf: 0 %, 0.0 MB of 100.0 MB\n");
    expect(file.said.at(-1)).toBe("m.gguf: 100 %, 100.0 MB of 100.0 MB\n");
  });

  it("goes without a length: a line every hundred megabytes", () => {
    const file = screen(false);
    const progress = new Progress("m.gguf", file, false);
    for (let done = 0; done <= 25; done += 1) progress.update(done * 1e7, undefined);
    expect(file.said).toEqual(["m.gguf: 0.0 MB\n", "m.gguf: 100.0 MB\n", "m.gguf: 200.0 MB\n"]);
  });

  it("says nothing when it shall be quiet", () => {
    const terminal = screen(true);
    const progress = new Progress("m.gguf", terminal, true);
    progress.update(1, 2);
    progress.end();
    expect(terminal.said).toEqual([]);
  });
});

it("sizes are told in decimal units", () => {
  expect([0, 999_949, 386_404_992, 2_497_280_256].map(bytesText)).toEqual(["0.0 MB", "1.0 MB", "386.4 MB", "2.50 GB"]);
});
