/** A process of its own: the embedded engine, for the server that starts it and for those that this one lets in. */
import { rmdirSync } from "node:fs";
import { enableCompileCache, flushCompileCache } from "node:module";
import { Socket } from "node:net";
import { dirname } from "node:path";
import type { ProcessJob } from "./link.ts";

/** The descriptor of the connection to the owner (`link.ts`). */
const ownerDescriptor = 3;

async function main(): Promise<void> {
  // terminals and service managers send them to every process of a group: the owner ends this one when its answers are over
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"] as const) process.on(signal, () => undefined);
  const { engine, listen } = JSON.parse(process.argv[2] ?? "{}") as ProcessJob;
  const owner = new Socket({ fd: ownerDescriptor });
  enableCompileCache();
  const [{ EngineHost }, { llamaEngine }, { systemIds }, { TimeSlices }] = await Promise.all([
    import("./host.ts"),
    import("../llama/engine.ts"),
    import("../../model/id.ts"),
    import("../../lib/time-slices.ts"),
  ]);
  const slices = new TimeSlices();
  const host = new EngineHost(llamaEngine({ ...engine, ids: systemIds, slices }), slices);
  owner.once("close", () => {
    host.stopListening();
    if (listen !== undefined) removeEmpty(dirname(listen));
    // native code may be computing, and nothing here has to be kept
    process.kill(process.pid, "SIGKILL");
  });
  host.accept(owner);
  if (listen !== undefined) await host.listen(listen);
  await host.load();
  // it is killed, not ended: what was compiled is kept now
  flushCompileCache();
}

/** The folder is the owner's, which may have been killed. */
function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // other engines have their sockets there, or the owner has removed it
  }
}

main().catch((error: unknown) => {
  // the owner logs the last lines of what stands here: of a stack, these do not say why
  process.stderr.write(String(error));
  process.exit(1);
});
