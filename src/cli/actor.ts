import { hostname, userInfo } from "node:os";

/** Who uses the command line, as the audit log names it. */
export function commandActor(): string {
  return `cli:${userName()}@${hostname()}`;
}

/** Not every user of a container has a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown");
  }
}
