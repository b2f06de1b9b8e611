import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/**
 * Names that say which process made a thing, so that another process can find what is left of one that ended:
 * `<machine>-<process id>-<start>-<random>`. The machine is the host and its process namespace (containers have their
 * own process ids); the start keeps a new process from being taken for an earlier one of the same id.
 */
export type OwnedName = string;

/** `running`, `gone`, or `elsewhere`: of another machine or container, where a process cannot be looked up. */
export type OwnerState = "running" | "gone" | "elsewhere";

const machine = createHash("sha256")
  .update(`${hostname()} ${optional(() => readlinkSync("/proc/self/ns/pid"))}`)
  .digest("hex")
  .slice(0, 12);
const form = /^([0-9a-f]{12})-(\d+)-(\d+)-/;

/** A new name of this process; safe as a file name. */
export function ownedName(): OwnedName {
  return `${machine}-${process.pid}-${startOf(process.pid)}-${randomBytes(8).toString("hex")}`;
}

/** Whether the process that made the name still runs. A name of another form is `elsewhere`. */
export function ownerState(name: OwnedName): OwnerState {
  const [, where, id, start] = form.exec(name) ?? [];
  if (where !== machine) return "elsewhere";
  const pid = Number(id);
  return isRunning(pid) && startOf(pid) === start ? "running" : "gone";
}

/** Whether a process of this machine runs. `kill` is Node's: signal 0 only asks. */
export function isRunning(
  pid: number,
  kill: (pid: number, signal: 0) => unknown = (...signal) => process.kill(...signal),
): boolean {
  try {
    kill(pid, 0);
    return true;
  } catch (error) {
    // a process of another user may not be signalled, but it runs
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** When a process started, in the kernel's ticks since the machine's start (proc_pid_stat(5), field 22); 0 where that is not known. */
function startOf(pid: number): string {
  const stat = optional(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  // the second field is the program's name in parentheses and may hold anything
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "0";
}

/** Only Linux has the files read here. */
function optional(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
