/** Runs one attack against a server and judges what it did to it. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startChild, type Child } from "../bench/child.ts";
import { chat, type Attack, type Settings } from "./attack.ts";
import { Client, otherAddress, pause } from "./client.ts";
import { model, startAttacked, type AttackedServer } from "./server.ts";
import type { Watched } from "./watcher.ts";

export interface Broken {
  text: string;
  /** A bound of time, which a busy machine may break too. */
  timed?: true;
}

export interface Result {
  attack: Attack;
  answer: string;
  watched: Watched;
  /** Longest processor time the event loop was held, in milliseconds. */
  holdMs: number;
  /** Resident bytes after a collection. */
  memory: { before: number; after: number };
  handles: { before: number; after: number };
  seconds: number;
  /** Which bounds were broken; empty: none. */
  broken: Broken[];
}

export const bounds = {
  /** Of an answer to `GET /healthz`, without what other work on the machine takes. */
  worstMs: 100,
  /** By the clock: what blocks the server without being work. */
  worstClockMs: 5_000,
  /** Processor time between two turns of the event loop. */
  holdMs: 100,
  memory: 1.3,
  rowSeconds: 40,
  settleSeconds: 10,
  otherMs: 5_000,
} as const;

/** Sockets of an earlier row and of the database come and go. */
const handleSlack = 3;
const sickUpstream = "../attack/upstream.ts";
const watcher = fileURLToPath(new URL("watcher.ts", import.meta.url));

/** Servers by their settings, each kept from row to row until an attack has harmed it. */
export class Servers implements AsyncDisposable {
  // changed by events
  /** By the settings as JSON. */
  private readonly running = new Map<string, AttackedServer>();
  /** Started when the first row wants them. */
  private upstream: Promise<Child> | undefined;
  private idleServer: Promise<Child> | undefined;

  async of(attack: Attack): Promise<AttackedServer> {
    const settings = await this.settings(attack);
    const name = JSON.stringify(settings);
    const known = this.running.get(name);
    const server = known?.ended() === undefined && known !== undefined ? known : await warmServer(settings);
    this.running.set(name, server);
    return server;
  }

  /** Ends the server of these settings. */
  async drop(attack: Attack): Promise<void> {
    const name = JSON.stringify(await this.settings(attack));
    const server = this.running.get(name);
    this.running.delete(name);
    await server?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.running.values()].map((server) => server.stop()));
    this.running.clear();
    await (await this.upstream)?.stop();
    await (await this.idleServer)?.stop();
  }

  /** A server that has nothing to do, beside which the attacked one is watched. */
  idle(): Promise<Child> {
    this.idleServer ??= startChild("../attack/control.ts");
    return this.idleServer;
  }

  private async settings({ settings }: Attack): Promise<Settings> {
    if (typeof settings !== "function") return settings;
    this.upstream ??= startChild(sickUpstream);
    return settings((await this.upstream).url);
  }
}

/** A server that has had honest work, so that code and heap have the size of one that runs: 100 chats, one of 16 MB. */
async function warmServer(settings: Settings): Promise<AttackedServer> {
  const server = await startAttacked(settings);
  await using client = new Client(server);
  for (let index = 0; index < 100; index += 1) await client.send("/v1/chat/completions", chat(model));
  await client.send("/v1/chat/completions", chat(model, { user: "x".repeat(16 * 1024 * 1024) }));
  return server;
}

/** A row that breaks bounds of time alone is run a second time, and the second time counts: a busy machine may break one once. */
export async function runAttack(attack: Attack, servers: Servers): Promise<Result> {
  const first = await runOnce(attack, servers);
  const mayBeNoise = first.broken.length > 0 && first.broken.every(({ timed }) => timed);
  return mayBeNoise ? await runOnce(attack, servers) : first;
}

async function runOnce(attack: Attack, servers: Servers): Promise<Result> {
  const server = await servers.of(attack).catch((error: unknown) => String(error).slice(0, 200));
  if (typeof server === "string") return notStarted(attack, server);
  const started = performance.now();
  const handlesBefore = server.handles();
  const before = await server.inside(true);
  const watch = await startWatcher(server, await servers.idle());
  await server.inside(false);
  const { answer, fault } = await within(attack, server);
  await pause(200);
  const { holdMs } = await server.inside(false).catch(() => ({ holdMs: Number.POSITIVE_INFINITY }));
  const watched = await watch.stop();
  const broken = [...(fault === undefined ? [] : [{ text: fault }]), ...judge(server, watched, holdMs)];
  if (server.ended() === undefined) broken.push(...(await askAsOther(server)));
  const after = await settled(server, { memory: before.rss, handles: handlesBefore });
  if (!(after.memory <= before.rss * bounds.memory))
    broken.push({ text: `memory ${(after.memory / before.rss).toFixed(2)} times` });
  if (!(after.handles <= handlesBefore + handleSlack))
    broken.push({ text: `${after.handles - handlesBefore} handles left` });
  if (broken.length > 0) await servers.drop(attack);
  return {
    attack,
    answer,
    watched,
    holdMs,
    memory: { before: before.rss, after: after.memory },
    handles: { before: handlesBefore, after: after.handles },
    seconds: (performance.now() - started) / 1000,
    broken,
  };
}

function notStarted(attack: Attack, reason: string): Result {
  const none = { before: Number.NaN, after: Number.NaN };
  const watched = {
    worstMs: Number.NaN,
    worstClockMs: Number.NaN,
    asked: 0,
    failures: 0,
    peakMemory: 0,
    peakHandles: 0,
  };
  const broken = [{ text: `the server did not start: ${reason}` }];
  return { attack, answer: "none", watched, holdMs: Number.NaN, memory: none, handles: none, seconds: 0, broken };
}

/** Runs the attack for as long as a row may take; everything it has opened is closed then. */
async function within(attack: Attack, server: AttackedServer): Promise<{ answer: string; fault?: string }> {
  const client = new Client(server);
  const late = Promise.withResolvers<never>();
  const { maxSeconds = bounds.rowSeconds } = attack;
  const timer = setTimeout(() => late.reject(new Error(`no end within ${maxSeconds} s`)), maxSeconds * 1000);
  const run = attack.run(client);
  // its connections are closed when it is late; what it makes of that is not read any more
  run.catch(() => undefined);
  try {
    return { answer: await Promise.race([run, late.promise]) };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { answer: "wrong", fault: text };
  } finally {
    clearTimeout(timer);
    await client[Symbol.asyncDispose]();
  }
}

function judge(server: AttackedServer, watched: Watched, holdMs: number): Broken[] {
  const found: Broken[] = [];
  const late = (text: string): void => void found.push({ text, timed: true });
  const wrong = (text: string): void => void found.push({ text });
  const ended = server.ended();
  if (ended !== undefined) wrong(`the process ended: ${ended}`);
  if (watched.worstMs > bounds.worstMs) late(`/healthz ${watched.worstMs.toFixed(0)} ms`);
  else if (watched.worstClockMs > bounds.worstClockMs)
    late(`/healthz ${watched.worstClockMs.toFixed(0)} ms by the clock`);
  if (holdMs > bounds.holdMs) late(`loop held ${holdMs.toFixed(0)} ms`);
  if (watched.failures > 0) wrong(`/healthz failed ${watched.failures} times`);
  if (watched.asked === 0) wrong("/healthz never answered");
  if (server.errors().includes("MaxListenersExceededWarning")) wrong("MaxListenersExceededWarning");
  if (/internal error|uncaught|unhandled/i.test(server.errors())) wrong(`error log: ${server.errors().slice(0, 160)}`);
  return found;
}

/** What another key's caller finds after the attack. */
async function askAsOther(server: AttackedServer): Promise<Broken[]> {
  await using client = new Client(server, otherAddress);
  const answer = await client.send("/v1/chat/completions", chat(model), {
    key: server.other.key,
    timeoutMs: bounds.otherMs,
  });
  return answer.status === 200 ? [] : [{ text: `the next caller got ${answer.status} ${answer.text.slice(0, 100)}` }];
}

/** Memory and file descriptors, once they are back or the time for it is over. */
async function settled(
  server: AttackedServer,
  before: { memory: number; handles: number },
): Promise<{ memory: number; handles: number }> {
  const until = performance.now() + bounds.settleSeconds * 1000;
  let found = { memory: Number.NaN, handles: Number.NaN };
  while (server.ended() === undefined) {
    const inside = await server.inside(true).catch(() => undefined);
    found = { memory: inside?.rss ?? Number.NaN, handles: server.handles() };
    const back = found.memory <= before.memory * bounds.memory && found.handles <= before.handles + handleSlack;
    if (back || inside === undefined || performance.now() > until) break;
    await pause(500);
  }
  return found;
}

async function startWatcher(server: AttackedServer, idle: Child): Promise<{ stop(): Promise<Watched> }> {
  const watched = [server.port, server.pid, new URL(idle.url).port, idle.pid].map(String);
  const child = fork(watcher, watched, { execArgv: [] });
  await once(child, "message");
  return {
    stop: async () => {
      const message = once(child, "message") as Promise<[Watched]>;
      child.send("stop");
      const [found] = await message;
      return found;
    },
  };
}
