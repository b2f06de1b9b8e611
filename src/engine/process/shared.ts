import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deleteAbandoned } from "../../lib/abandoned.ts";
import { ownedName } from "../../lib/owner.ts";
import type { Log } from "../../telemetry/log.ts";
import type { EngineClient } from "./client.ts";
import { processEngine } from "./engine.ts";
import type { ProcessJob } from "./link.ts";

const folderPrefix = "parley-engine-";
/** A folder that another machine or container made and did not change for this long is left. */
const unchangedMs = 24 * 3_600_000;

/** Where the process of an engine with these settings listens; the same in every process that is given the folder. */
export function socketPath(folder: string, engine: ProcessJob["engine"]): string {
  // paths of sockets have about a hundred characters at most
  return join(folder, createHash("sha256").update(JSON.stringify(engine)).digest("hex").slice(0, 16));
}

/**
 * The embedded engines of several servers on one machine: each model is loaded once, in a process that this one starts, and
 * starts again when it ends. Servers find them by `folder` (`sharedEngine`).
 */
export class SharedEngines implements AsyncDisposable {
  /** Of this user alone. */
  readonly folder: string;
  private readonly log: Log;
  // changed by events
  /** By the path of the socket. */
  private readonly engines = new Map<string, EngineClient>();
  /** Those that end when no server uses them any more. */
  private readonly retiring = new Set<EngineClient>();

  private constructor(folder: string, log: Log) {
    this.folder = folder;
    this.log = log;
  }

  /** Makes the folder, and deletes those that ended processes left. */
  static async open(log: Log): Promise<SharedEngines> {
    await deleteAbandoned(tmpdir(), { prefix: folderPrefix, unchangedMs, now: Date.now() });
    const folder = join(tmpdir(), folderPrefix + ownedName());
    await mkdir(folder, { mode: 0o700 });
    return new SharedEngines(folder, log);
  }

  /** Starts those of the engines that are new. */
  add(engines: readonly ProcessJob["engine"][]): void {
    for (const engine of engines) {
      const listen = socketPath(this.folder, engine);
      if (!this.engines.has(listen)) this.engines.set(listen, this.start(engine, listen));
    }
  }

  /** Ends all but these engines, each when the last answer of the servers is over that have it. */
  keep(engines: readonly ProcessJob["engine"][]): void {
    const kept = new Set(engines.map((engine) => socketPath(this.folder, engine)));
    for (const [path, engine] of this.engines) {
      if (kept.has(path)) continue;
      this.engines.delete(path);
      this.retiring.add(engine);
      void engine.retire().then(() => this.retiring.delete(engine));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.engines.values(), ...this.retiring].map((engine) => engine.close()));
    await rm(this.folder, { recursive: true, force: true });
  }

  private start(engine: ProcessJob["engine"], listen: string): EngineClient {
    const made = processEngine(engine, { log: this.log, listen });
    // the servers have the error too, and say it where it belongs
    made.open().catch(() => undefined);
    return made;
  }
}
