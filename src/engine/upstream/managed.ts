import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { untilAborted } from "../../lib/abort.ts";
import { canceled, ParleyError } from "../../model/error.ts";
import type { Batch } from "../../model/event.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { Capabilities, Engine, Load } from "../engine.ts";
import { upstreamEngine, type UpstreamOptions } from "./engine.ts";

export interface ManagedOptions extends Omit<UpstreamOptions, "url" | "replicas" | "dialect" | "key"> {
  /** Path of llama.cpp's `llama-server`. */
  binary: string;
  /** Path of a GGUF file, given to the binary. */
  gguf: string;
  /** Path of the vision tower that goes with it. */
  mmproj?: string | undefined;
  threads?: number | undefined;
  /** Requests at once. */
  slots?: number | undefined;
  /** Tokens of one slot's window; default the model's own. */
  contextSize?: number | undefined;
  /** Further arguments, as they are. */
  args?: readonly string[] | undefined;
  /** Milliseconds the model may take to load. Default 300,000. */
  startTimeoutMs?: number | undefined;
}

const defaultSlots = 4;
const stopGraceMs = 5_000;
const minPauseMs = 500;
const maxPauseMs = 30_000;

/**
 * llama-server as a child process: started with the first request or by `open`, watched, started again with growing
 * pauses when it dies, stopped with the engine. It listens on a free loopback port only.
 */
export function managedLlamaServer(options: ManagedOptions): Engine {
  return new ManagedServer(options);
}

interface Running {
  child: ChildProcess;
  engine: Engine;
  ended: Promise<void>;
}

class ManagedServer implements Engine {
  readonly kind = "llama-server";
  // fixed at birth
  private readonly options: ManagedOptions;
  private readonly closing = new AbortController();
  // changed by events
  /** The start that runs or has succeeded; unset when it failed or the process ended. */
  private starting: Promise<Running> | undefined;
  /** The process that is ready; unset when it ends. */
  private running: Running | undefined;
  /** Milliseconds before the next restart; doubled by each. */
  private pauseMs = minPauseMs;
  /** Requests that wait for its start. */
  private waiting = 0;

  constructor(options: ManagedOptions) {
    this.options = options;
  }

  get capabilities(): Capabilities {
    const image = this.options.mmproj !== undefined;
    return { constrained: true, image, video: image ? "frames" : "none", ...this.options.capabilities };
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<Batch> {
    yield* (await this.awaited(signal)).generate(request, signal);
  }

  async count(request: GenerationRequest, signal: AbortSignal): Promise<{ tokens: number; exact: boolean }> {
    return (await this.awaited(signal)).count(request, signal);
  }

  load(): Load {
    const { waiting } = this;
    return this.running?.engine.load() ?? { running: 0, waiting, slots: this.options.slots ?? defaultSlots };
  }

  async open(): Promise<void> {
    await this.ready();
  }

  async close(): Promise<void> {
    this.closing.abort();
    const running = this.running ?? (await this.starting?.catch(() => undefined));
    if (running !== undefined) await stop(running);
  }

  private async awaited(signal: AbortSignal): Promise<Engine> {
    this.waiting += 1;
    try {
      return await untilAborted(this.ready(), signal, canceled);
    } finally {
      this.waiting -= 1;
    }
  }

  private async ready(): Promise<Engine> {
    if (this.closing.signal.aborted) throw new ParleyError("overloaded", "the engine is closed");
    this.starting ??= this.start();
    return (await this.starting).engine;
  }

  private async start(): Promise<Running> {
    try {
      const running = await this.launch();
      this.running = running;
      this.pauseMs = minPauseMs;
      void running.ended.then(() => this.restart());
      return running;
    } catch (error) {
      this.starting = undefined;
      throw error;
    }
  }

  /** The process ended unasked. */
  private async restart(): Promise<void> {
    const dead = this.running;
    this.running = undefined;
    this.starting = undefined;
    await dead?.engine.close();
    if (this.closing.signal.aborted) return;
    this.options.log?.warn({ pauseMs: this.pauseMs }, "llama-server ended; it is started again");
    await wait(this.pauseMs, undefined, { signal: this.closing.signal }).catch(() => undefined);
    this.pauseMs = Math.min(this.pauseMs * 2, maxPauseMs);
    if (!this.closing.signal.aborted) await this.ready().catch(() => undefined);
  }

  private async launch(): Promise<Running> {
    const { binary, log } = this.options;
    const port = await freePort();
    const child = spawn(binary, serverArguments(this.options, port), { stdio: ["ignore", "ignore", "pipe"] });
    const tail = lastLines(child);
    const ended = new Promise<void>((resolve) => {
      child.once("error", () => resolve());
      child.once("exit", () => resolve());
    });
    try {
      await this.healthy(port, ended);
    } catch (thrown) {
      child.kill("SIGKILL");
      // paths and the output of the binary are for the log: callers get the message
      const reason = `llama-server did not start (${binary}): ${tail() || String(thrown)}`;
      log?.error({ reason }, "llama-server did not start");
      throw new ParleyError("upstream", "llama-server did not start", { cause: new Error(reason, { cause: thrown }) });
    }
    log?.info({ port, pid: child.pid }, "llama-server is ready");
    const { binary: _binary, gguf: _gguf, mmproj: _mmproj, args: _args, ...rest } = this.options;
    const url = `http://127.0.0.1:${port}/v1`;
    return {
      child,
      ended,
      // this engine watches the process itself
      engine: upstreamEngine({
        ...rest,
        replicas: { attempts: 1, probeMs: 0 },
        url,
        dialect: "llama-server",
        slots: rest.slots ?? defaultSlots,
      }),
    };
  }

  /** Resolves when `/health` answers 200; rejects when the process ends before, or takes too long. */
  private async healthy(port: number, ended: Promise<void>): Promise<void> {
    let over = false;
    void ended.then(() => (over = true));
    const deadline = performance.now() + (this.options.startTimeoutMs ?? 300_000);
    while (performance.now() < deadline) {
      if (over) throw new Error("the process ended");
      if (this.closing.signal.aborted) throw new Error("the engine is closed");
      if (await answersHealth(port)) return;
      await wait(100);
    }
    throw new Error("it took too long to load the model");
  }
}

/** Threads spin at every barrier: one core stays free, and polling is off (measured 13-fold on two cores). */
function serverArguments(options: ManagedOptions, port: number): string[] {
  const threads = String(options.threads ?? Math.max(1, availableParallelism() - 1));
  const slots = options.slots ?? defaultSlots;
  const window = options.contextSize === undefined ? [] : ["-c", String(options.contextSize * slots)];
  const vision = options.mmproj === undefined ? [] : ["--mmproj", options.mmproj];
  return [
    ...["-m", options.gguf, "--host", "127.0.0.1", "--port", String(port), "--jinja"],
    ...["-t", threads, "-tb", threads, "--poll", "0", "-np", String(slots)],
    ...window,
    ...vision,
    ...(options.args ?? []),
  ];
}

async function answersHealth(port: number): Promise<boolean> {
  try {
    const { request } = await import("undici");
    const answer = await request(`http://127.0.0.1:${port}/health`, { headersTimeout: 2_000, bodyTimeout: 2_000 });
    await answer.body.dump();
    return answer.statusCode === 200;
  } catch {
    return false;
  }
}

async function stop({ child, engine, ended }: Running): Promise<void> {
  await engine.close();
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopGraceMs);
  await ended;
  clearTimeout(timer);
}

/** The end of its standard error, for the message when it does not start. */
function lastLines(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.on("data", (chunk: Buffer) => (text = (text + chunk.toString("utf8")).slice(-2_000)));
  return () => text.trim().split("\n").slice(-3).join(" | ");
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
