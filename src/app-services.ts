import { catalogNames, EngineSet, type EngineContext } from "./app-engine.ts";
import { configuredKeys } from "./config/keys.ts";
import { ConfigError } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import { createCatalog } from "./engine/catalog.ts";
import type { Catalog, Engine } from "./engine/engine.ts";
import { LiveCatalog } from "./engine/live-catalog.ts";
import type { ByteBudget } from "./lib/byte-budget.ts";
import { CachePool } from "./lib/cache-pool.ts";
import { textCipher } from "./lib/cipher.ts";
import { TimeSlices } from "./lib/time-slices.ts";
import { openMedia } from "./media/open.ts";
import { Poster } from "./media/post.ts";
import { documentedCards } from "./model/card.ts";
import { systemIds, vendorId, type IdSource } from "./model/id.ts";
import { Access } from "./policy/access.ts";
import { MemoryFunds } from "./policy/funds.ts";
import { MemoryLimiter } from "./policy/limiter.ts";
import { createModerator, type Moderator } from "./policy/moderate/moderate.ts";
import { WordFileError } from "./policy/moderate/word-file.ts";
import { largestBody, rememberedBounds, requestBudget } from "./policy/request-memory.ts";
import { SharedFunds } from "./policy/shared-funds.ts";
import { SharedLimiter } from "./policy/shared-limiter.ts";
import { openAdmin, type AdminRules, type AdminService } from "./service/admin.ts";
import { Alerts } from "./service/alert/alerts.ts";
import type { Post } from "./service/alert/webhooks.ts";
import { catalogAsk } from "./service/ask.ts";
import { EngineQueues } from "./service/engine-queue.ts";
import { FileService } from "./service/file.ts";
import { GenerateService } from "./service/generate.ts";
import { recordCost, recordGenerations, recordLostTries } from "./service/generation-metrics.ts";
import { LedgerRetention } from "./service/ledger-retention.ts";
import { LedgerWriter } from "./service/ledger.ts";
import { Meter } from "./service/meter.ts";
import { ModelService } from "./service/model.ts";
import { OwnUsageService } from "./service/own-usage.ts";
import { ResponseArchive } from "./service/responses/archive.ts";
import { RecentAnswers } from "./service/responses/recent.ts";
import { ResponsesService } from "./service/responses/responses.ts";
import { openBlobs, openLedgerJournal, openSharedLimits, openStore } from "./store/open.ts";
import type { LimitStore, Store } from "./store/store.ts";
import { responsesCodec, type ParsedResponses, type ResponsesOptions } from "./surface/responses/index.ts";
import { createLog, logDestination, type Log } from "./telemetry/log.ts";
import type { WorkerPlace } from "./telemetry/merge-metrics.ts";
import { measureProcess, Metrics } from "./telemetry/metrics.ts";
import { OtlpExporter } from "./telemetry/otlp.ts";
import { RequestWatch } from "./telemetry/watch.ts";

/** What the surroundings put in the place of the usual thing. */
export interface AppOverrides {
  /** Absent where one process serves. */
  worker?: WorkerPlace | undefined;
  /** Of the sockets of embedded engines that another process owns (`SharedEngines`). */
  engineFolder?: string | undefined;
  ids?: IdSource | undefined;
  log?: Log | undefined;
  /** Instead of the configured engines. */
  engines?: ReadonlyMap<string, Engine> | undefined;
  /** Instead of the one in the data folder; closed with the app. */
  store?: Store | undefined;
}

/** Everything below HTTP. */
export interface Services {
  ids: IdSource;
  log: Log;
  metrics: Metrics;
  /** What long computations share the event loop by. */
  slices: TimeSlices;
  watch: RequestWatch;
  engines: EngineSet;
  catalog: LiveCatalog;
  store: Store;
  archive: ResponseArchive;
  files: FileService;
  ledgerRetention: LedgerRetention;
  /** Absent where no webhook is configured. */
  alerts: Alerts | undefined;
  meter: Meter;
  ownUsage: OwnUsageService;
  models: ModelService;
  generate: GenerateService;
  responses: ResponsesService<ParsedResponses>;
  responsesOptions: ResponsesOptions;
  /** Largest request body in bytes. */
  bodyLimit: number;
  /** Bytes of the requests under way. */
  requestBudget: ByteBudget;
  /** Conversations that are remembered and not stored. */
  remembered: CachePool;
  admin: AdminService;
  access: Access;
}

/** What every part needs. */
interface Ground {
  config: Config;
  ids: IdSource;
  log: Log;
  metrics: Metrics;
  slices: TimeSlices;
  /** Parts put here how they are closed, in the order in which they were opened. */
  opened: AsyncDisposableStack;
}

const dayMs = 24 * 3_600_000;

/**
 * Opens everything below HTTP; how each part is closed is left in `opened`, also where a later part fails. Throws
 * `ConfigError` for settings that cannot be used.
 */
export async function openServices(
  config: Config,
  overrides: AppOverrides,
  opened: AsyncDisposableStack,
): Promise<Services> {
  const ids = overrides.ids ?? systemIds;
  const log = overrides.log ?? createLog(config.log, logDestination(config.logFormat));
  const metrics = new Metrics();
  const slices = new TimeSlices();
  const ground: Ground = { config, ids, log, metrics, slices, opened };
  opened.defer(measureProcess(metrics));
  const watch = openWatch(ground);
  const storeUrl = config.store.url?.reveal();
  const store = overrides.store ?? (await openStore(config.data, storeUrl, { now: () => ids.now(), log, slices }));
  opened.defer(() => store.close());
  const alerts = openAlerts(ground, store);
  const files = await openFiles(ground, store);
  const media = openMedia({ ...config.media, files: files.port });
  opened.defer(() => media.close());
  const { engineFolder } = overrides;
  const engines = new EngineSet({ ids, log, slices, engineFolder, ...watchUpstreams(metrics, alerts) });
  const catalog = new LiveCatalog(
    createCatalog({ engines: overrides.engines ?? engines.of(config), ...catalogNames(config) }),
  );
  opened.defer(() => catalog.close());
  const moderator = openModeration(config, { ...ground, catalog });
  // a store that a program brings along has no other processes, and no place on the disk
  const isOwnStore = overrides.store === undefined;
  const limits = isOwnStore ? await openSharedLimits(config, log) : undefined;
  const meter = openMeter(ground, { store, limits, alerts, isOwnStore });
  const queues = new EngineQueues();
  const observers = [recordGenerations(metrics, catalog, queues), ...(alerts === undefined ? [] : [alerts.ended])];
  const parts = { catalog, media, meter, queues, moderator, observers, lost: recordLostTries(metrics) };
  const generate = new GenerateService({ ...parts, watch: watch.generation, log });
  const memory = openMemory(ground);
  const recent = new RecentAnswers(memory.remembered);
  return {
    ids,
    log,
    metrics,
    slices,
    watch,
    engines,
    catalog,
    store,
    files,
    alerts,
    meter,
    models: new ModelService(catalog),
    generate,
    ...memory,
    ...(await openResponses(ground, store, { generate, recent })),
    ...(await openAdministration(ground, store, meter)),
  };
}

/** What bounds the bytes that callers make the server hold. */
function openMemory({ config, metrics }: Ground): Pick<Services, "bodyLimit" | "requestBudget" | "remembered"> {
  const bodyLimit = largestBody(config.memory, config.server.bodyLimit);
  const budget = requestBudget(config.memory, bodyLimit, { processes: config.workers });
  const remembered = new CachePool(rememberedBounds(config.memory, { processes: config.workers }));
  const gauge = (name: string, help: string, read: () => number): void =>
    metrics.gauge(name, help, () => [[{}, read()] as const]);
  gauge("parley_request_bytes", "Bytes that requests under way hold.", () => budget.used);
  gauge("parley_remembered_bytes", "Bytes of conversations that are remembered.", () => remembered.size);
  return { bodyLimit, requestBudget: budget, remembered };
}

/** What the administration takes from a configuration. */
export function adminRules({ apiKeys, budgets }: Config): AdminRules {
  return { staticKeys: apiKeys.map((key) => key.reveal()), budgets };
}

async function openAdministration(
  { config, ids }: Ground,
  store: Store,
  meter: Meter,
): Promise<Pick<Services, "access" | "admin" | "ledgerRetention" | "ownUsage">> {
  const admin = await openAdmin(store, ids, adminRules(config));
  await admin.money.adoptStatic(admin.staticKeyIds);
  const { keepDays } = config.ledger;
  const keepMs = keepDays === undefined ? undefined : Math.round(keepDays * dayMs);
  const common = { ledger: store.ledger, now: () => ids.now() };
  const access = new Access(configuredKeys(config), {
    trustedProxies: config.trustedProxies,
    hash: admin.hash,
    lookup: (hash, key) => admin.lookup(hash, key),
  });
  return {
    access,
    admin,
    ledgerRetention: new LedgerRetention({ ...common, keepMs }),
    ownUsage: new OwnUsageService({ ...common, meter }),
  };
}

/** How long one call of a webhook may take. */
const webhookTimeoutMs = 10_000;
function openAlerts({ config, ids, log, opened }: Ground, store: Store): Alerts | undefined {
  const { webhooks, alerts, budgets } = config;
  if (webhooks.length === 0) return undefined;
  const targets = webhooks.map(({ allow, secret, ...target }) => {
    const poster = new Poster({ allow, timeoutMs: webhookTimeoutMs });
    opened.defer(() => poster.close());
    const post: Post = (url, call) => poster.post(url, call);
    return { ...target, secret: secret?.reveal(), post };
  });
  const made = new Alerts({ ...alerts, targets, budgets, store, ids, log });
  opened.defer(() => made.close());
  return made;
}

/** The request log, and traces where a collector is configured. */
function openWatch({ config, ids, log, metrics, opened }: Ground): RequestWatch {
  const { url, headers, ratio, service } = config.telemetry.otlp;
  const hex = (length: number): string => ids.hex(length);
  if (url === undefined) return new RequestWatch({ log, hex });
  const plain = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.reveal()]));
  const traces = new OtlpExporter({ url, headers: plain, resource: { "service.name": service }, log, metrics });
  opened.defer(() => traces.close());
  return new RequestWatch({ log, hex, traces: { sink: traces, ratio } });
}

/** Counts choices of replicas and repairs of what upstreams send. */
function watchUpstreams(
  metrics: Metrics,
  alerts: Alerts | undefined,
): Pick<EngineContext, "onReplicaChosen" | "onReplicaHealth" | "onRepair"> {
  const choices = metrics.counter("parley_routes_total", "Choices of a replica, by replica and reason.");
  const repairs = metrics.counter("parley_repairs_total", "Answers of upstreams that a repair rule changed, by rule.");
  return {
    onReplicaChosen: (choice) => choices.add(choice),
    onReplicaHealth: alerts?.replicaHealth,
    onRepair: (rule) => repairs.add({ rule }),
  };
}

interface MeterParts {
  store: Store;
  limits: LimitStore | undefined;
  alerts: Alerts | undefined;
  /** Whether the store is the configured one; only then is there a journal in the data folder. */
  isOwnStore: boolean;
}

/** Limits are counted where all processes that share the store see them. */
function openMeter(
  { config, ids, log, metrics, opened }: Ground,
  { store, limits: shared, alerts, isOwnStore }: MeterParts,
): Meter {
  const { limits, prices, budgets, aborted } = config;
  const journal = isOwnStore ? openLedgerJournal(config.data) : undefined;
  const ledger = new LedgerWriter({ store: store.ledger, journal, log, onWritten: alerts?.written });
  const limiter =
    shared === undefined ? new MemoryLimiter() : new SharedLimiter({ store: shared, log, id: () => vendorId(ids) });
  const accounts = { accounts: store.accounts, pending: (subject: string) => ledger.pending(subject) };
  const funds =
    shared === undefined
      ? new MemoryFunds(accounts)
      : new SharedFunds({ ...accounts, store: shared.money, log, id: () => vendorId(ids) });
  const meter = new Meter({
    limits,
    prices,
    budgets,
    aborted,
    ledger,
    limiter,
    funds,
    ids,
    booked: recordCost(metrics),
    now: () => ids.now(),
  });
  opened.defer(() => meter.close());
  return meter;
}

async function openFiles({ config, ids, log, opened }: Ground, store: Store): Promise<FileService> {
  const { store: kind, s3, quotaBytes, quotaCount, fileBytes, retentionDays } = config.files;
  const bucket = kind === "s3" && s3 !== undefined ? { ...s3, secret: s3.secret.reveal(), log } : undefined;
  const files = new FileService({
    ...(await openBlobs(config.data, bucket)),
    files: store.files,
    ids,
    log,
    fileBytes,
    quota: { count: quotaCount, bytes: quotaBytes },
    retentionMs: Math.round(retentionDays * dayMs),
    links: textCipher(await store.settings.setOnce("file-secret", ids.hex(64))),
  });
  opened.defer(() => files.close());
  return files;
}

async function openResponses(
  { config, ids, log, slices, opened }: Ground,
  store: Store,
  parts: { generate: GenerateService; recent: RecentAnswers },
) {
  const { store: storeDefault, defaultReasoning, retentionDays, remember, quotaCount, quotaBytes } = config.responses;
  const cipher = textCipher(await store.settings.setOnce("seal-secret", ids.hex(64)));
  const responsesOptions = { ids, cipher, sseDone: config.sse.done, defaultReasoning, storeDefault };
  const archive = new ResponseArchive({
    store: store.responses,
    quota: { count: quotaCount, bytes: quotaBytes },
    slices,
    retentionMs: Math.round(retentionDays * dayMs),
    remembers: remember,
    now: () => ids.now(),
  });
  const codec = responsesCodec(responsesOptions);
  const responses = new ResponsesService({ ...parts, archive, codec, slices, log });
  opened.defer(() => responses.close());
  return { responses, archive, responsesOptions };
}

/** `undefined` where nothing is moderated. Throws `ConfigError` for word files and models that cannot be used. */
export function openModeration(
  config: Config,
  { ids, log, slices, catalog }: Pick<Ground, "ids" | "log" | "slices"> & { catalog: Catalog },
): Moderator | undefined {
  checkGuard(config);
  try {
    return createModerator(config.moderation, { ask: catalogAsk(catalog, ids), log, slices });
  } catch (error) {
    if (error instanceof WordFileError) throw new ConfigError(`moderation.words: ${error.message}`);
    throw error;
  }
}

/** Throws `ConfigError` unless the guard model is served. */
function checkGuard(config: Config): void {
  const { moderation } = config;
  const guard = moderation.model?.model;
  const { entries, unlisted } = catalogNames(config);
  const served = [...entries.map(({ name }) => name), ...(unlisted ? documentedCards.map(({ id }) => id) : [])];
  if (guard === undefined || served.includes(guard)) return;
  throw new ConfigError(`moderation.model.model: found ${JSON.stringify(guard)}; allowed are ${served.join(", ")}`);
}
