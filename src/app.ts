import { catalogNames, fingerprint } from "./app-engine.ts";
import { adminRules, openModeration, openServices, type AppOverrides, type Services } from "./app-services.ts";
import { configuredKeys, declaredOf } from "./config/keys.ts";
import { ConfigError } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import { createCatalog } from "./engine/catalog.ts";
import type { Catalog } from "./engine/engine.ts";
import { mountAdmin } from "./http/admin/admin-route.ts";
import { Connections, maxUnaccepted } from "./http/connection/connections.ts";
import { originCheck } from "./http/cors.ts";
import { mountFiles } from "./http/files-route.ts";
import { createPublicUrl } from "./http/public-url.ts";
import { mountGeneration } from "./http/generation-route.ts";
import { JsonReader } from "./http/json-reader.ts";
import { createPeerServer } from "./http/peer/peer-server.ts";
import { mountMessages, mountMessagesProbes } from "./http/messages-route.ts";
import { mountModels } from "./http/model-route.ts";
import { mountOperations } from "./http/ops-route.ts";
import { mountResponses } from "./http/responses/mount.ts";
import { mountSocket } from "./http/responses/socket.ts";
import { RunningRequests } from "./http/running.ts";
import { mountUsage } from "./http/usage-route.ts";
import { closeServer, createServer, useAuthentication } from "./http/server.ts";
import { deleteAbandonedVideos } from "./media/video.ts";
import { causeMessage } from "./model/error.ts";
import type { AdminService } from "./service/admin.ts";
import type { GenerateService } from "./service/generate.ts";
import { PeerClient } from "./service/peer/client.ts";
import { Readiness } from "./service/readiness.ts";
import type { ModelService } from "./service/model.ts";
import { ResponsesAnywhere } from "./service/responses/anywhere.ts";
import { chatSurface } from "./surface/chat/index.ts";
import { messagesSurface } from "./surface/messages/index.ts";
import type { ChunkSize } from "./surface/shared/chunk-size.ts";
import { responsesSurface } from "./surface/responses/index.ts";
import { visionSurface } from "./surface/vision/index.ts";
import type { Log } from "./telemetry/log.ts";
import type { Metrics } from "./telemetry/metrics.ts";

export type { AppOverrides } from "./app-services.ts";

export interface Listening {
  url: string;
  /** A key made because there was none; shown once. */
  firstKey?: string;
}

/** The whole server, built from one configuration. */
export interface App {
  /** `at` takes the place of the settings' address. */
  listen(at?: { host?: string; port?: number }): Promise<Listening>;
  /** The log of the whole process. */
  log: Log;
  /**
   * Serves everything as before, and sends callers to other servers: `/readyz` is 503 and every answer closes its
   * connection. For the time between the wish to stop and `close`. `replaced`: another process goes on with the port, and
   * `/readyz` sends no request elsewhere.
   */
  drain(options?: { replaced?: boolean }): void;
  /**
   * Closes the port, lets running answers finish for `graceSeconds`, background ones too, then ends them and frees everything.
   * Called again it is the same end, with the shorter grace.
   */
  close(graceSeconds: number): Promise<void>;
  generate: GenerateService;
  models: ModelService;
  admin: AdminService;
  catalog: Catalog;
  /**
   * Takes over engines, models, keys, limits, money and moderation of another configuration; running answers are not disturbed. Returns the names of
   * changed settings that need a restart.
   */
  reload(next: Config): Promise<readonly string[]>;
  /** The same in steps, for several processes that take it over together. Throws where the configuration cannot be used. */
  prepare(next: Config): PreparedConfig;
  /** What this process measured. */
  metrics: Pick<Metrics, "snapshot">;
}

/** Another configuration, checked and not used yet. */
export interface PreparedConfig {
  /** Writes the keys and organisations that it declares; one process does that for all. Throws where they cannot be written. */
  declare(): Promise<void>;
  /** Uses it from now on; returns the names of changed settings that need a restart. */
  adopt(): readonly string[];
  /** Frees what was opened for it. */
  discard(): Promise<void>;
}

/** Settings that `reload` takes over. */
const reloaded: ReadonlySet<string> = new Set([
  "engines",
  "models",
  "unlistedModels",
  "limits",
  "prices",
  "budgets",
  "aborted",
  "apiKeys",
  "adminKeys",
  "keys",
  "organisations",
  "moderation",
]);
const sweepMs = 3_600_000;
/** More often than a lease lasts (store/lease.ts): what a dead process left is ended within 30 seconds. */
const orphanMs = 5_000;

export async function createApp(config: Config, overrides: AppOverrides = {}): Promise<App> {
  // closes what was opened, last first, also where a later part fails to open
  await using opening = new AsyncDisposableStack();
  const services = await openServices(config, overrides, opening);
  const { log, catalog, generate, models, admin, metrics, responses } = services;
  const running = new RunningRequests();
  const readiness = new Map<string, string>();
  const { server, connections, drain, openPeerPort } = await mountAll(config, {
    services,
    metricsText: overrides.worker?.metricsText ?? (async () => services.metrics.text()),
    running,
    readiness,
    opened: opening,
  });
  const opened = opening.move();

  const listen = async (at?: { host?: string; port?: number }): Promise<Listening> => {
    await openPeerPort();
    await responses.endOrphans();
    repeat(opened, orphanMs, () => logged(responses.endOrphans(), log, "orphans could not be ended"));
    await sweep(services);
    await admin.applyDeclared(declaredOf(config));
    repeat(opened, sweepMs, () => sweep(services));
    const url = await server.listen({ host: config.host, port: config.port, backlog: maxUnaccepted, ...at });
    // only now: a key that is made before the port is taken would be lost where it is in use
    const first = config.apiKeys.length > 0 ? undefined : await admin.createFirstKey();
    warm(catalog, { log, readiness });
    return first === undefined ? { url } : { url, firstKey: first.key };
  };
  let closing: Promise<void> | undefined;
  const close = (graceSeconds: number): Promise<void> => {
    const end = (): void => {
      // stored answers first, so that their readers get the last events
      void responses.close();
      running.abortAll();
    };
    connections.drain();
    const timer = setTimeout(end, graceSeconds * 1000);
    closing ??= opened.disposeAsync();
    return closing.finally(() => clearTimeout(timer));
  };
  const prepare = (next: Config): PreparedConfig => {
    const prepared = prepareServices(next, services);
    const adopt = (): readonly string[] => {
      prepared.adopt();
      warm(catalog, { log, readiness });
      return waitingChanges(config, next);
    };
    return { ...prepared, adopt };
  };
  const reload = async (next: Config): Promise<readonly string[]> => {
    const prepared = prepare(next);
    try {
      await prepared.declare();
    } catch (error) {
      await prepared.discard();
      throw error;
    }
    return prepared.adopt();
  };
  return { listen, drain, close, reload, prepare, generate, models, admin, catalog, metrics, log };
}

interface Mounting {
  services: Services;
  /** What `/metrics` answers. */
  metricsText: () => Promise<string>;
  running: RunningRequests;
  /** What each engine is doing, by its name. */
  readiness: ReadonlyMap<string, string>;
  opened: AsyncDisposableStack;
}

/** The HTTP server with every route and the WebSocket. */
async function mountAll(config: Config, { services, metricsText, running, readiness, opened }: Mounting) {
  const { ids, log, watch, metrics, admin, access, models, catalog, store } = services;
  const { authenticate } = access;
  const allowsOrigin = originCheck(config.cors.origins);
  const { connections: limits, timeouts } = config.server;
  const { arrivals } = services.slices;
  const connections = new Connections({ limits, timeouts, arrivals, trustedProxies: config.trustedProxies });
  const server = createServer({ ids, log, watch, connections, allowsOrigin });
  const route = routeOptions(config, { services, running });
  // the order of the end is the reverse: the port is closed first, and other processes follow what runs to its end
  const openPeerPort = await mountPeers(config, { services, route, opened });
  opened.defer(() => services.responses.finished());
  opened.defer(() => closeServer(server, connections));
  running.watch(server.server);
  const report = new Readiness({ store, engines: () => catalog.engines(), opened: readiness });
  let replaced = false;
  mountOperations(server, {
    metrics,
    metricsText,
    readiness: async () => ({ ...(await report.report()), draining: connections.draining && !replaced }),
  });
  mountMessagesProbes(server);
  await server.register(async (scope) => {
    useAuthentication(scope, authenticate, connections);
    mountModels(scope, models);
    mountUsage(scope, services.ownUsage, () => ids.now());
    await mountGeneration(scope, chatSurface(chatOptions(config)), route);
    await mountGeneration(scope, visionSurface(), route);
    await mountMessages(scope, messagesSurface(messagesOptions(config, services)), route);
    await mountResponses(scope, route);
  });
  const publicUrl = createPublicUrl({ publicUrl: config.publicUrl, trustedProxies: config.trustedProxies });
  await mountFiles(server, { ...route, authenticate, connections, publicUrl });
  await mountAdmin(server, { ...route, admin, check: access.checkAdmin });
  const socket = mountSocket(server, { ...route, authenticate, connections, limits, allowsOrigin });
  opened.defer(() => socket.close());
  const drain: App["drain"] = (options) => {
    replaced = options?.replaced ?? false;
    connections.drain();
  };
  return { server, connections, drain, openPeerPort };
}

/** What every route of a generation, and of what is stored of it, needs. */
function routeOptions(config: Config, { services, running }: Pick<Mounting, "services" | "running">) {
  const { admin, archive, responses: here, slices, store } = services;
  const peers = new PeerClient({ workers: store.workers, hash: admin.hash, slices });
  return {
    ...services,
    stored: peerHost(config) === undefined ? here : new ResponsesAnywhere({ here, archive, peers }),
    running,
    strict: config.strict,
    jsonReader: new JsonReader({ slices, maxValues: config.server.bodyValues }),
    heartbeatMs: config.server.heartbeatSeconds * 1000,
    surface: responsesSurface(services.responsesOptions),
    sseDone: config.sse.done,
  };
}

/** Where other processes on the same store reach this one; `undefined` where there are none. */
function peerHost({ server, store, workers }: Config): string | undefined {
  return server.peer.host ?? (workers > 1 || store.url !== undefined ? "127.0.0.1" : undefined);
}

/** The port for the other processes on the same store; returns how it is opened. Without such processes there is none. */
async function mountPeers(
  config: Config,
  { services, route, opened }: Pick<Mounting, "services" | "opened"> & { route: ReturnType<typeof routeOptions> },
): Promise<() => Promise<void>> {
  const { peer, connections: limits, timeouts } = config.server;
  const host = peerHost(config);
  if (host === undefined) return async () => undefined;
  const { admin, responses: stored, store } = services;
  const { id: self } = store.workers;
  const server = await createPeerServer({ ...route, stored, self, hash: admin.hash, limits, timeouts });
  opened.defer(() => server.close());
  return async () => {
    try {
      store.workers.announce(await server.listen({ host, port: peer.port, ports: 2 * config.workers }));
    } catch (error) {
      throw new ConfigError(`server.peer: ${host}:${peer.port} cannot be opened (${causeMessage(error)})`);
    }
  };
}

/** Throws where the configuration cannot be used. Nothing of it is used before `adopt`, which cannot fail. */
function prepareServices(next: Config, services: Services): Omit<PreparedConfig, "adopt"> & { adopt(): void } {
  const { access, admin, alerts, catalog, engines, generate, meter } = services;
  const moderator = openModeration(next, services);
  const prepared = engines.prepare(next);
  const nextCatalog = createCatalog({ engines: prepared.engines, ...catalogNames(next) });
  return {
    declare: () => admin.applyDeclared(declaredOf(next)),
    discard: () => prepared.discard(),
    adopt: () => {
      prepared.adopt();
      catalog.exchange(nextCatalog);
      generate.adoptModerator(moderator);
      access.adopt(configuredKeys(next));
      admin.adopt(adminRules(next));
      meter.adopt(next);
      alerts?.adopt(next.budgets);
    },
  };
}

/** Books and deletes what ended processes left, and deletes expired responses, files and rows of the ledger. Never rejects. */
async function sweep({ archive, files, ledgerRetention, alerts, meter, log }: Services): Promise<void> {
  await logged(meter.bookLeft(), log, "the ledger journal of an earlier run could not be booked");
  await logged(deleteAbandonedVideos(), log, "temporary folders of an earlier run could not be deleted");
  for (const one of [archive, files, ledgerRetention, ...(alerts === undefined ? [] : [alerts])])
    await logged(one.sweep(), log, "what has expired could not be deleted");
}

/** Runs work again and again until the server closes. */
function repeat(opened: AsyncDisposableStack, everyMs: number, work: () => Promise<unknown>): void {
  if (opened.disposed) throw new Error("the server was closed while it started");
  const timer = setInterval(() => void work(), everyMs).unref();
  opened.defer(() => clearInterval(timer));
}

async function logged(work: Promise<unknown>, log: Log, message: string): Promise<void> {
  await work.catch((error: unknown) => log.error({ err: error }, message));
}

function chatOptions(config: Config): Parameters<typeof chatSurface>[0] {
  return { sseDone: config.sse.done, chunkSize: chunkSizeOf(config) };
}

function messagesOptions(config: Config, services: Services): Parameters<typeof messagesSurface>[0] {
  const { hash } = services.admin;
  const { cipher } = services.responsesOptions;
  return { sign: (text) => hash(`thinking:${text}`), cipher, chunkSize: chunkSizeOf(config) };
}

function chunkSizeOf({ sse }: Config): ChunkSize {
  return { minChars: sse.packetMinimum, maxChars: sse.packetMaximum, maxWaitMs: sse.packetWaitMs };
}

/** Names of the settings that differ and need a restart. */
function waitingChanges(config: Config, next: Config): readonly string[] {
  const differs = (name: keyof Config): boolean => fingerprint(config[name]) !== fingerprint(next[name]);
  return (Object.keys(next) as (keyof Config)[]).filter((name) => !reloaded.has(name) && differs(name));
}

/** Loads models in the background, so that the first request need not wait; notes in `readiness` how far each is. */
function warm(catalog: Catalog, to: { log: Log; readiness: Map<string, string> }): void {
  to.readiness.clear();
  for (const [name, engine] of catalog.engines()) {
    to.readiness.set(name, engine.open === undefined ? "ready" : "loading");
    // an engine that a reload removed meanwhile is not reported
    const stands = (): boolean => catalog.engines().get(name) === engine;
    engine.open?.().then(
      () => stands() && to.readiness.set(name, "ready"),
      (error: unknown) => {
        if (!stands()) return;
        to.readiness.set(name, "failed");
        // the engine has seen no request yet: the message holds no caller's text
        to.log.error({ engine: name, reason: causeMessage(error), err: error }, "engine failed to open");
      },
    );
  }
}
