import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { TimeSlices } from "../../lib/time-slices.ts";
import { parseJsonSteps } from "../../lib/json-scanner/parse.ts";
import { toParleyError } from "../../model/error.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { Engine } from "../engine.ts";
import { AnswerWriter } from "./answer-writer.ts";
import { batchWindow } from "./call.ts";
import { frameBytes, FrameReader, type Frame, type FrameKind } from "./frame.ts";
import { encodeBatch, plainOf, type EngineState } from "./message.ts";

/** Up to here a request's JSON is read at once. */
const smallBytes = 64 * 1024;

/** Serves one engine to every connection. */
export class EngineHost {
  // fixed at birth
  private readonly engine: Engine;
  private readonly slices: TimeSlices;
  // changed by events
  /** Those that are open. */
  private readonly connections = new Set<HostConnection>();
  /** Those of them that came by the socket; they share the engine's slots in equal parts. */
  private readonly guests = new Set<HostConnection>();
  /** How loading the model went, once it is known. */
  private outcome: Pick<EngineState, "error"> | undefined;
  /** Whether that was well. */
  private isLoaded = false;
  /** Where other servers find the engine. */
  private server: Server | undefined;
  /** Called when no other server is connected any more; set by `retire`. */
  private whenAlone: (() => void) | undefined;

  constructor(engine: Engine, slices: TimeSlices) {
    this.engine = engine;
    this.slices = slices;
  }

  /** Loads the model and sends every connection how that went. */
  async load(): Promise<void> {
    try {
      await this.engine.open?.();
      this.loaded();
    } catch (thrown) {
      this.outcome = { error: plainOf(toParleyError(thrown)) };
      this.announce();
    }
  }

  /** Called when the engine has answered: a later try to load its model may have succeeded. */
  loaded(): void {
    if (this.isLoaded) return;
    this.isLoaded = true;
    this.outcome = {};
    this.announce();
  }

  /** `isGuest`: of a server that shares the engine with others. */
  accept(socket: Socket, isGuest = false): void {
    const connection = new HostConnection(socket, { engine: this.engine, slices: this.slices, host: this });
    this.connections.add(connection);
    if (isGuest) this.guests.add(connection);
    socket.once("close", () => {
      this.connections.delete(connection);
      if (this.guests.delete(connection)) this.announce();
      this.checkAlone();
    });
    if (isGuest) this.announce();
    else this.sendState(connection);
  }

  /** Takes connections at the path of a socket too. Rejects with an `Error` that says why it cannot. */
  async listen(path: string): Promise<void> {
    const server = createServer((socket) => this.accept(socket, true));
    this.server = server;
    try {
      await once(server.listen(path), "listening");
    } catch (thrown) {
      throw new Error(`no socket can be made at ${path}: ${String(thrown)}`, { cause: thrown });
    }
    // of a connection that could not be accepted, which its other end tries again
    server.on("error", () => undefined);
  }

  /** Takes no more connections, and calls back when only that of the owner is left. */
  retire(whenAlone: () => void): void {
    this.stopListening();
    this.whenAlone = whenAlone;
    this.checkAlone();
  }

  /** Removes the socket at once. */
  stopListening(): void {
    this.server?.close();
    this.server = undefined;
  }

  private checkAlone(): void {
    if (this.connections.size <= 1) this.whenAlone?.();
  }

  private announce(): void {
    for (const connection of this.connections) this.sendState(connection);
  }

  private sendState(connection: HostConnection): void {
    if (this.outcome === undefined) return;
    const { slots: all } = this.engine.load();
    const slots = this.guests.has(connection) ? Math.max(1, Math.floor(all / this.guests.size)) : all;
    const state: EngineState = { capabilities: this.engine.capabilities, slots, ...this.outcome };
    connection.send("state", 0, JSON.stringify(state));
  }
}

interface HostParts {
  engine: Engine;
  slices: TimeSlices;
  host: Pick<EngineHost, "loaded" | "retire">;
}

/** A request that is arriving or being answered. */
class Work {
  // fixed at birth
  readonly aborter = new AbortController();
  // changed by events
  /** Parts of its JSON. */
  parts: Buffer[] = [];
  /** Whether all parts are there; from then on its answer ends it. */
  isComplete = false;
  /** Batches that may still be sent before the reader has taken some. */
  room = batchWindow;
  /** Called when there is room again, or the answer is canceled. */
  wake: (() => void) | undefined;

  get signal(): AbortSignal {
    return this.aborter.signal;
  }

  cancel(): void {
    this.aborter.abort();
    this.wake?.();
  }

  taken(count: number): void {
    this.room += count;
    this.wake?.();
  }

  /** Resolves when another batch may be sent. What a canceled answer still sends is little. */
  async forRoom(): Promise<void> {
    while (this.room <= 0 && !this.signal.aborted) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}

/** The requests of one connection. */
class HostConnection {
  // fixed at birth
  private readonly socket: Socket;
  private readonly parts: HostParts;
  private readonly reader = new FrameReader();
  // changed by events
  /** By the caller's number. */
  private readonly works = new Map<number, Work>();

  constructor(socket: Socket, parts: HostParts) {
    this.socket = socket;
    this.parts = parts;
    socket.on("data", (chunk: Buffer) => this.arrived(chunk));
    // its close says enough
    socket.on("error", () => undefined);
    socket.once("close", () => {
      for (const work of this.works.values()) work.cancel();
    });
  }

  send(kind: FrameKind, request: number, payload?: string): void {
    if (this.socket.writable) this.socket.write(frameBytes(kind, request, payload));
  }

  private arrived(chunk: Buffer): void {
    try {
      for (const frame of this.reader.push(chunk)) this.accept(frame);
    } catch {
      this.socket.destroy();
    }
  }

  private accept({ kind, request, payload }: Frame): void {
    if (kind === "ping") return this.send("pong", 0);
    if (kind === "retire") return this.parts.host.retire(() => this.socket.destroy());
    if (kind === "cancel") return this.cancel(request);
    if (kind === "taken") return this.works.get(request)?.taken(Number(payload.toString()));
    if (kind !== "piece" && kind !== "generate" && kind !== "count") return;
    const work = this.works.get(request) ?? new Work();
    this.works.set(request, work);
    work.parts.push(payload);
    if (kind === "piece") return;
    work.isComplete = true;
    const answer = kind === "generate" ? this.generate(request, work) : this.count(request, work);
    void answer
      .catch((thrown: unknown) => this.send("failed", request, JSON.stringify(plainOf(toParleyError(thrown)))))
      .finally(() => this.works.delete(request));
  }

  private cancel(request: number): void {
    const work = this.works.get(request);
    work?.cancel();
    // the rest of an incomplete one does not come
    if (work?.isComplete === false) this.works.delete(request);
  }

  private async generate(number: number, work: Work): Promise<void> {
    const request = await this.read(work);
    const writer = new AnswerWriter((batch) => {
      work.room -= 1;
      this.send("batch", number, encodeBatch(batch));
    });
    try {
      for await (const batch of this.parts.engine.generate(request, work.signal)) {
        this.parts.host.loaded();
        writer.push(batch);
        await work.forRoom();
      }
    } finally {
      writer.flush();
    }
    this.send("end", number);
  }

  private async count(number: number, work: Work): Promise<void> {
    const counted = await this.parts.engine.count(await this.read(work), work.signal);
    this.parts.host.loaded();
    this.send("counted", number, JSON.stringify(counted));
  }

  private async read(work: Work): Promise<GenerationRequest> {
    const bytes = work.parts.length === 1 ? (work.parts[0] ?? Buffer.alloc(0)) : Buffer.concat(work.parts);
    work.parts = [];
    if (bytes.length <= smallBytes) return JSON.parse(bytes.toString()) as GenerationRequest;
    const bounds = { depth: Infinity, values: Infinity, stringUnits: Infinity };
    const read = await this.parts.slices.run(parseJsonSteps(bytes, bounds), work.signal);
    return read as GenerationRequest;
  }
}
