import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { deleteAbandoned } from "../../lib/abandoned.ts";
import { ownedName } from "../../lib/owner.ts";
import { causeMessage } from "../../model/error.ts";
import type { Log } from "../../telemetry/log.ts";
import type { EngineClient } from "./client.ts";
import { processEngine } from "./engine.ts";
import type { ProcessJob } from "./link.ts";

const folderPrefix = "parley-engine-";
/** Bytes of a socket's path at most: 107 on Linux (unix(7)), 103 on macOS and BSD. */
const maxPathBytes = 103;
/** Hexadecimal digits of a socket's name. */
const nameLength = 16;
/** Where the folder is when the path of the one for temporary files (`TMPDIR`) is too long. */
const shortRoot = "/tmp";
/** A folder that another machine or container made and did not change for this long is left. */
const unchangedMs = 24 * 3_600_000;

/** Where the process of an engine with these settings listens; the same in every process that is given the folder. */
export function socketPath(folder: string, engine: ProcessJob["engine"]): string {
  return join(folder, createHash("sha256").update(JSON.stringify(engine)).digest("hex").slice(0, nameLength));
}

/** A new folder for sockets in the one for temporary files, or in a shorter one where their paths would be too long. */
export function socketFolder(temporary: string): string {
  const name = folderPrefix + ownedName();
  const folder = join(temporary, name);
  const isShort = Buffer.byteLength(folder) + 1 + nameLength <= maxPathBytes;
  return isShort ? folder : join(shortRoot, name);
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

  /** Makes the folder, and deletes those that ended processes left. Throws an `Error` that says where it cannot be made. */
  static async open(log: Log): Promise<SharedEngines> {
    const folder = socketFolder(tmpdir());
    const root = dirname(folder);
    try {
      await deleteAbandoned(root, { prefix: folderPrefix, unchangedMs, now: Date.now() });
      await mkdir(folder, { mode: 0o700 });
    } catch (thrown) {
      const reason = `no folder for the sockets of embedded engines can be made in ${root}`;
      throw new Error(`${reason}: ${causeMessage(thrown)}`, { cause: thrown });
    }
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
