import { readFileSync } from "node:fs";

/** How many files and connections the process may have open; `Infinity` where the system does not say (outside Linux). */
export function openFilesLimit(): number {
  try {
    const found = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return found === null ? Infinity : Number(found[1]);
  } catch {
    return Infinity;
  }
}
