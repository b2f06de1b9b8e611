import { readFileSync } from "node:fs";

/** Whether a process runs; one that has ended and was not asked for its status does not. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}
