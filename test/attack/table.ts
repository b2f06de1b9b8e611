/** The results as a table in Markdown, for the terminal and for docs/reliability.md. */
import type { Result } from "./runner.ts";

const megabyte = 1_000_000;

const columns: readonly [string, (result: Result) => string][] = [
  ["attack", ({ attack }) => attack.name],
  ["by", ({ attack }) => attack.by],
  ["answer", ({ answer }) => answer],
  ["worst /healthz, ms (by the clock)", ({ watched }) => `${whole(watched.worstMs)} (${whole(watched.worstClockMs)})`],
  ["loop held, ms", ({ holdMs }) => whole(holdMs)],
  [
    "memory before, peak, after, MB",
    ({ memory, watched }) =>
      [memory.before, watched.peakMemory, memory.after].map((bytes) => whole(bytes / megabyte)).join(" "),
  ],
  ["handles", ({ handles, watched }) => `${handles.before} ${watched.peakHandles} ${handles.after}`],
  ["s", ({ seconds }) => seconds.toFixed(1)],
  ["verdict", ({ broken }) => (broken.length === 0 ? "kept" : `BROKEN: ${broken.map(({ text }) => text).join("; ")}`)],
];

export const tableHead = [line(columns.map(([name]) => name)), line(columns.map(() => "---"))].join("\n");

export function tableRow(result: Result): string {
  return line(columns.map(([, of]) => of(result).replaceAll(/[|\n]/g, " ")));
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function whole(value: number): string {
  return Number.isFinite(value) ? value.toFixed(0) : "never";
}
