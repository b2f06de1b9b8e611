import { EngineSet, fingerprint, type EngineContext } from "./app-engine.ts";
import { ConfigError } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import { createCatalog } from "./engine/catalog.ts";
import { LiveCatalog } from "./engine/live-catalog.ts";
import type { Catalog, Engine } from "./engine/engine.ts";
import { mountAdmin } from "./http/admin-route.ts";
import { mountFiles } from "./http/files-route.ts";
import { mountGeneration } from "./http/generation-route.ts";
import type { ResponsesRouteOptions } from "./http/responses/create-route.ts";
import { RecentItems } from "./http/responses/recent.ts";
import { ResponseRunner } from "./http/responses/runner.ts";
import { endOrphans, mountResponses } from "./http/responses/mount.ts";
import { mountSocket } from "./http/responses/socket.ts";
import { mountModels } from "./http/model-route.ts";
import { mountOperations } from "./http/ops-route.ts";
import { RunningRequests } from "./http/running.ts";
import { closeServer, createServer, useAuthentication } from "./http/server.ts";
import { textCipher, type TextCipher } from "./lib/cipher.ts";
import { openMedia } from "./media/open.ts";
import { documentedCards } from "./model/card.ts";
import { systemIds, vendorId, type IdSource } from "./model/id.ts";
import { createAdminCheck, createAuthenticate } from "./policy/authenticate.ts";
import { MemoryLimiter } from "./policy/limiter.ts";
import { SharedLimiter } from "./policy/shared-limiter.ts";
import { createModerator, type Moderator } from "./policy/moderate/moderate.ts";
import { WordFileError } from "./policy/moderate/word-file.ts";
import { openAdmin, type AdminService } from "./service/admin.ts";
import { catalogAsk } from "./service/ask.ts";
import { FileService } from "./service/file.ts";
import { EngineLines } from "./service/engine-line.ts";
import { GenerateService } from "./service/generate.ts";
import { LedgerWriter } from "./service/ledger.ts";
import { Meter } from "./service/meter.ts";
import { ResponseService } from "./service/response.ts";
import { measureCost, measureGenerations } from "./service/measure.ts";
import { RouteBook } from "./service/route-book.ts";
import { ModelService } from "./service/model.ts";
import { openBlobs } from "./store/blob/open.ts";
import { openStore } from "./store/open.ts";
import type { Store } from "./store/store.ts";
import { chatSurface } from "./surface/chat/index.ts";
import type { ResponsesOptions } from "./surface/responses/index.ts";
import { createLog, type Log } from "./telemetry/log.ts";
import { Metrics } from "./telemetry/metrics.ts";
import { OtlpExporter } from "./telemetry/otlp.ts";
import { measureProcess } from "./telemetry/process-metrics.ts";
import { RequestWatch } from "./telemetry/watch.ts";

/** What tests may put in the place of the real thing. */
export interface AppOverrides {
  ids?: IdSource;
  log?: Log;
  /** Instead of the configured engines. */
  engines?: ReadonlyMap<string, Engine>;
  /** Instead of the one in the data folder; closed with the app. */
  store?: Store;
}

export interface Listening {
  url: string;
  /** A key made because there was none; shown once. */
  firstKey?: string;
}

/** The whole server, built from one configuration. */
export interface App {
  /** `at` takes the place of the settings' address. */
  listen(at?: { host?: string; port?: number }): Promise<Listening>;
  /**
   * Refuses new requests, lets running answers finish for `graceSeconds`, then ends them and frees everything. Called
   * again it is the same end, with the shorter grace.
   */
  close(graceSeconds: number): Promise<void>;
  generate: GenerateService;
  models: ModelService;
  admin: AdminService;
  catalog: Catalog;
  /** What an operator should know at start. */
  notes: readonly string[];
  /**
   * Takes over engines, models, limits and money of another configuration; running answers are not disturbed. Returns the names of
   * changed settings that need a restart.
   */
  reload(next: Config): readonly string[];
}

/** Settings that `reload` takes over. */
const reloaded: ReadonlySet<string> = new Set(["engines", "models", "limits", "prices", "budgets", "aborted"]);
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const orphanMs = 30_000;

export async function createApp(config: Config, overrides: AppOverrides = {}): Promise<App> {
  const made = await build(config, overrides);
  const { log, running, store, catalog, runner } = made;
  const server = createServer({ ids: made.ids, log, watch: made.watch });
  running.watch(server.server);
  const readiness = new Map<string, string>();
  mountOperations(server, { metrics: made.metrics, readiness: () => Object.fromEntries(readiness) });
  const route = responsesRoute(config, made);
  await server.register(async (scope) => {
    useAuthentication(scope, made.authenticate);
    mountModels(scope, made.models);
    await mountGeneration(scope, chatSurface(chatOptions(config)), route);
    await mountResponses(scope, route);
  });
  await mountFiles(server, made);
  await mountAdmin(server, adminRoute(config, made));
  const socket = mountSocket(server, { ...route, authenticate: made.authenticate });
  let sweeper: NodeJS.Timeout | undefined;
  let orphanage: NodeJS.Timeout | undefined;

  const listen = async (at?: { host?: string; port?: number }): Promise<Listening> => {
    orphanage = await startEndingOrphans(made.responses, log);
    sweeper = await startSweeping([made.responses, made.files], log);
    const first = config.apiKeys.length > 0 ? undefined : await made.admin.createFirstKey();
    const url = await server.listen({ host: config.host, port: config.port, ...at });
    warm(catalog, { log, readiness });
    return first === undefined ? { url } : { url, firstKey: first.key };
  };
  const shut = async (): Promise<void> => {
    clearInterval(sweeper);
    clearInterval(orphanage);
    socket.close();
    await closeServer(server);
    await runner.close();
    await made.meter.close();
    await catalog.close();
    await made.media.close();
    await made.files.close();
    await store.close();
    await made.traces?.close();
    made.stopMeasuring();
  };
  let closing: Promise<void> | undefined;
  const close = (graceSeconds: number): Promise<void> => {
    const end = (): void => {
      // before those who follow them
      void runner.close();
      running.abortAll();
    };
    const timer = setTimeout(end, graceSeconds * 1000);
    closing ??= shut();
    return closing.finally(() => clearTimeout(timer));
  };
  const reload = (next: Config): readonly string[] => {
    takeOver(config, next, made);
    warm(catalog, { log, readiness });
    return waitingChanges(config, next);
  };
  const { generate, models, admin } = made;
  return { listen, close, reload, generate, models, admin, catalog, notes: notes(config) };
}

type Made = Awaited<ReturnType<typeof build>>;

function takeOver(config: Config, next: Config, { catalog, engines, meter }: Made): void {
  checkGuard(config, next);
  catalog.exchange(createCatalog({ engines: engines.of(next), entries: catalogEntries(next) }));
  meter.adopt(next);
}

/** Everything below HTTP. */
async function build(config: Config, overrides: AppOverrides) {
  const ids = overrides.ids ?? systemIds;
  const log = overrides.log ?? createLog(config.log);
  const metrics = new Metrics();
  const stopMeasuring = measureProcess(metrics);
  const routes = new RouteBook();
  const engines = new EngineSet({ ids, log, ...watchUpstreams(metrics, routes) });
  const catalog = new LiveCatalog(
    createCatalog({ engines: overrides.engines ?? engines.of(config), entries: catalogEntries(config) }),
  );
  const moderation = openModeration(config, { catalog, ids, log });
  const lines = new EngineLines();
  const measure = measureGenerations(metrics, catalog, lines);
  const watching = openWatch(config, { ids, log, metrics });
  const models = new ModelService(catalog);
  const store = overrides.store ?? (await openStore(config.data, config.store.url?.reveal()));
  const files = await openFiles(config, { store, ids, log });
  const media = openMedia({ ...config.media, files: files.port });
  const meter = openMeter(config, { store, ids, log, metrics });
  const told = { measure, routes, watch: watching.watch.generation, log };
  const generate = new GenerateService({ catalog, media, meter, lines, ...moderation, ...told });
  const admin = await openAdmin(store, ids);
  const responses = new ResponseService({
    store: store.responses,
    retentionMs: Math.round(config.responses.retentionDays * dayMs),
    now: () => ids.now(),
  });
  const cipher = textCipher(await store.settings.setOnce("seal-secret", ids.hex(64)));
  const surface = responsesOptions(config, { ids, cipher });
  const runner = new ResponseRunner({ generate, responses, surface, log });
  const staticKeys = config.apiKeys.map((key) => key.reveal());
  const authenticate = createAuthenticate({
    ...{ staticKeys, trustedProxies: config.trustedProxies, hash: admin.hash },
    lookup: (hash) => admin.lookup(hash),
  });
  const running = new RunningRequests();
  const recent = new RecentItems();
  return {
    ...watching,
    ...{ ids, log, metrics, stopMeasuring, engines, catalog, files, media, meter, models },
    ...{ generate, store, admin, responses, cipher, surface, runner, authenticate, running, recent },
  };
}

/** The request log, and traces where a collector is configured. */
function openWatch(
  config: Config,
  { ids, log, metrics }: Ground & { metrics: Metrics },
): { watch: RequestWatch; traces?: OtlpExporter } {
  const { url, headers, ratio, service } = config.telemetry.otlp;
  const hex = (length: number): string => ids.hex(length);
  if (url === undefined) return { watch: new RequestWatch({ log, hex }) };
  const plain = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.reveal()]));
  const traces = new OtlpExporter({ url, headers: plain, resource: { "service.name": service }, log, metrics });
  return { watch: new RequestWatch({ log, hex, traces: { sink: traces, ratio } }), traces };
}

/** Choices of replicas and repairs of what upstreams send, counted. */
function watchUpstreams(metrics: Metrics, routes: RouteBook): Pick<EngineContext, "onRoute" | "onRepair"> {
  const choices = metrics.counter("parley_routes_total", "Choices of a replica, by replica and reason.");
  const repairs = metrics.counter("parley_repairs_total", "Answers of upstreams that a repair rule changed, by rule.");
  return {
    onRoute: (route) => {
      choices.add({ replica: route.replica, reason: route.reason });
      routes.note(route);
    },
    onRepair: (rule) => repairs.add({ rule }),
  };
}

/** What both surfaces' routes need, and what the responses routes need besides. */
function responsesRoute(config: Config, made: Made): ResponsesRouteOptions {
  return {
    ...made,
    strict: config.strict,
    bodyLimit: config.server.bodyLimit,
    heartbeatMs: config.server.heartbeatSeconds * 1000,
  };
}

function adminRoute(config: Config, { admin }: Made): Parameters<typeof mountAdmin>[1] {
  const keys = config.adminKeys.map((key) => key.reveal());
  return { admin, check: createAdminCheck(keys, admin.hash), bodyLimit: config.server.bodyLimit };
}

/** Responses of a process that is gone end as failed: now, and when another one on the same store has died. */
async function startEndingOrphans(responses: ResponseService, log: Log): Promise<NodeJS.Timeout> {
  await endOrphans(responses, log);
  const again = (): Promise<void> =>
    endOrphans(responses, log).catch((error: unknown) => log.error({ err: error }, "orphans could not be ended"));
  return setInterval(() => void again(), orphanMs).unref();
}

/** Limits are counted where all processes of the store see them. */
function openMeter(config: Config, made: { store: Store; ids: IdSource; log: Log; metrics: Metrics }): Meter {
  const { limits, prices, budgets, aborted } = config;
  const { store, ids, log, metrics } = made;
  const ledger = new LedgerWriter(store.ledger, log);
  const limiter =
    store.limits === undefined
      ? new MemoryLimiter()
      : new SharedLimiter({ store: store.limits, log, id: () => vendorId(ids) });
  return new Meter({
    ...{ limits, prices, budgets, aborted, ledger, limiter },
    accounts: store.accounts,
    booked: measureCost(metrics),
    now: () => ids.now(),
  });
}

async function openFiles(config: Config, made: { store: Store; ids: IdSource; log: Log }): Promise<FileService> {
  const { store, s3, quotaBytes, quotaCount, fileBytes, retentionDays } = config.files;
  const bucket = store === "s3" && s3 !== undefined ? { ...s3, secret: s3.secret.reveal() } : undefined;
  return new FileService({
    ...(await openBlobs(config.data, bucket)),
    ...{ files: made.store.files, ids: made.ids, log: made.log, fileBytes },
    quota: { count: quotaCount, bytes: quotaBytes },
    retentionMs: Math.round(retentionDays * dayMs),
    links: textCipher(await made.store.settings.setOnce("file-secret", made.ids.hex(64))),
  });
}

/** Deletes what has expired, now and every hour. */
async function startSweeping(kept: readonly { sweep(): Promise<unknown> }[], log: Log): Promise<NodeJS.Timeout> {
  const sweep = async (): Promise<void> => {
    for (const one of kept) {
      await one.sweep().catch((error: unknown) => log.error({ err: error }, "what has expired could not be deleted"));
    }
  };
  await sweep();
  const timer = setInterval(() => void sweep(), hourMs);
  timer.unref();
  return timer;
}

function chatOptions(config: Config): Parameters<typeof chatSurface>[0] {
  const { done, packetMinimum, packetMaximum, packetWaitMs } = config.sse;
  return {
    sseDone: done,
    shaper: { minimum: packetMinimum, maximum: packetMaximum, longestWait: packetWaitMs },
  };
}

function responsesOptions(config: Config, made: { ids: IdSource; cipher: TextCipher }): ResponsesOptions {
  const { store, defaultReasoning } = config.responses;
  return { ...made, sseDone: config.sse.done, defaultReasoning, storeDefault: store };
}

type Ground = Required<Pick<AppOverrides, "ids" | "log">>;

/** Nothing where nothing is to be moderated. Throws `ConfigError` for word files and models that cannot be used. */
function openModeration(config: Config, context: Ground & { catalog: Catalog }): { moderator?: Moderator } {
  const { catalog, ids, log } = context;
  checkGuard(config, config);
  try {
    const moderator = createModerator(config.moderation, { ask: catalogAsk(catalog, ids), log });
    return moderator === undefined ? {} : { moderator };
  } catch (error) {
    if (error instanceof WordFileError) throw new ConfigError(`moderation.words: ${error.message}`);
    throw error;
  }
}

/** Names of the settings that differ and need a restart. */
function waitingChanges(config: Config, next: Config): readonly string[] {
  const differs = (name: keyof Config): boolean => fingerprint(config[name]) !== fingerprint(next[name]);
  return (Object.keys(next) as (keyof Config)[]).filter((name) => !reloaded.has(name) && differs(name));
}

/** Throws `ConfigError` unless the guard model of the one is served by the other. */
function checkGuard({ moderation }: Config, { models }: Config): void {
  const guard = moderation.model?.model;
  if (guard === undefined || Object.hasOwn(models, guard) || documentedCards.some(({ id }) => id === guard)) return;
  throw new ConfigError(`moderation.model.model: found ${JSON.stringify(guard)}; allowed are the names under models`);
}

function catalogEntries(config: Config): Parameters<typeof createCatalog>[0]["entries"] {
  return Object.entries(config.models).map(([name, { engine, ...rest }]) => ({
    name,
    engines: engine === undefined ? [] : typeof engine === "string" ? [engine] : engine,
    ...rest,
  }));
}

/** Loads models in the background, so that the first request need not wait; tells how far each is. */
function warm(catalog: Catalog, to: { log: Log; readiness: Map<string, string> }): void {
  to.readiness.clear();
  for (const [name, engine] of catalog.engines()) {
    to.readiness.set(name, engine.open === undefined ? "ready" : "loading");
    // one that has left meanwhile is not spoken of
    const stands = (): boolean => catalog.engines().get(name) === engine;
    engine.open?.().then(
      () => stands() && to.readiness.set(name, "ready"),
      (error: unknown) => {
        if (!stands()) return;
        to.readiness.set(name, "failed");
        // of the start, before anything was asked: its words quote nobody
        const why = error instanceof Error && error.cause instanceof Error ? error.cause : error;
        const reason = why instanceof Error ? why.message : String(why);
        to.log.error({ engine: name, reason, err: error }, "engine failed to open");
      },
    );
  }
}

function notes(config: Config): readonly string[] {
  const engines = Object.values(config.engines);
  const builtin =
    engines.length === 0 || engines.some((engine) => engine.kind === "llama" && engine.model === "builtin");
  if (!builtin) return [];
  return [
    "The built-in tiny model (3.6 million parameters) answers: good for trying and testing, not for work.",
    "For real answers: `parley models pull <name>`, or point to a server with --engine http://HOST:PORT/v1",
  ];
}
