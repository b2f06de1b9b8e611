import { untilAborted } from "../../lib/abort.ts";
import { DeferredIterator } from "../../lib/deferred-iterator.ts";
import { TimeSlices } from "../../lib/time-slices.ts";
import type { Log } from "../../telemetry/log.ts";
import { callIds, systemIds, type IdSource } from "../../model/id.ts";
import type { Family } from "../../model/card.ts";
import { canceled, ParleyError, reasonOf, toParleyError } from "../../model/error.ts";
import type { Batch } from "../../model/event.ts";
import { isObject, type JsonObject } from "../../model/json.ts";
import type { GenerationRequest } from "../../model/request.ts";
import { estimateInput } from "../../model/token-estimate.ts";
import type { Capabilities, Load, ServedModel } from "../engine.ts";
import { familyOf } from "../family-name.ts";
import type { CallMarkup, ThinkMarkup } from "../markup/markup.ts";
import { MarkSource } from "../markup/marks.ts";
import { withOverrides, type PromptFamily } from "../template/family.ts";
import { AddressCheck } from "./address-check.ts";
import { UpstreamClient, type ClientOptions } from "./wire/client.ts";
import { abortedAnswer, readAnswer, watched, type OpenedAnswer } from "./read/answer.ts";
import { markupOf, type ModelMarkup } from "./read/markup.ts";
import { ServedModels } from "./served-models.ts";
import { countTokens } from "./count.ts";
import { ChatDecoder } from "./read/decode.ts";
import { SilenceBound } from "./silence-bound.ts";
import { dialects, guessDialect, type Dialect, type DialectName, type StreamMode } from "./dialect/dialect.ts";
import { isElsewhere, isUnknownThere, leavesOpen, networkFailure } from "./wire/failure.ts";
import { InFlight } from "./replica/in-flight.ts";
import { loadTemplate, promptFamilyOf, rawRequest, type RawTemplate } from "./dialect/raw.ts";
import { reasoningStart } from "./read/reasoning-start.ts";
import { Repairs, type RepairRule, type RepairSwitches } from "./read/repair.ts";
import type { Member } from "./replica/replicas.ts";
import { chatBody } from "./dialect/request.ts";

export interface ServerOptions extends ClientOptions {
  /** Whether answers that no one reads in pieces are asked for without a stream; default by dialect. */
  stream?: StreamMode | undefined;
  /** Default `generic`; `auto` asks the server once, at the first request. A row of one's own is taken as it is. */
  dialect?: DialectName | "auto" | Dialect | undefined;
  /** The server's own model name; default the name the caller asked for. */
  model?: string | undefined;
  /** Family of the model; default the catalog's, else read from the server's name, else from the caller's. */
  family?: Family | undefined;
  /** Markup in the model's text; default what the family writes. */
  markup?: { think?: Partial<ThinkMarkup>; calls?: CallMarkup } | undefined;
  /** Requests at once that the server is known to run; default the number of connections, else no bound. */
  slots?: number | undefined;
  capabilities?: Partial<Capabilities> | undefined;
  /** `completions`: the prompt is rendered here and the answer's markup read here; for servers that only complete. */
  mode?: "chat" | "completions" | undefined;
  /** Jinja source of the model's chat template, for raw mode; default llama-server's own. */
  template?: string | undefined;
  /** Facts of the template for raw mode; default by the model's family. */
  prompt?: PromptFamily | undefined;
  repair?: RepairSwitches | undefined;
  /** Called once per answer and rule that changed it. */
  onRepair?: ((rule: RepairRule) => void) | undefined;
  /**
   * Milliseconds after which a silent request that ends was perhaps ended by a gateway; default 25,000: the shortest bounds of
   * gateways are 30 s.
   */
  gatewayMs?: number | undefined;
  ids?: IdSource | undefined;
  log?: Log | undefined;
}

/** How one request is asked. */
interface Asking {
  dialect: Dialect;
  signal: AbortSignal;
  /** When it was asked for first, on the clock of `performance`; default now. */
  askedAt?: number;
  /** As in `AnswerRequest`. */
  onTaken?: (taken: boolean) => void;
}

/** One request, ready to be sent and read. */
interface Prepared {
  path: string;
  body: JsonObject;
  decoder: ChatDecoder;
}

/** For each question of `dialect: auto`. */
const probeTimeoutMs = 5_000;
/** What raw mode does anyway. */
const inlineRules: ReadonlySet<RepairRule> = new Set(["inline-thought", "inline-calls", "finish-reason"]);

/** Any OpenAI-compatible chat server behind one base URL. */
export class UpstreamServer implements Member {
  // fixed at birth
  readonly kind = "upstream";
  private readonly options: ServerOptions;
  private readonly client: UpstreamClient;
  private readonly slices: TimeSlices;
  private readonly inFlight = new InFlight();
  private readonly served: ServedModels;
  private readonly addressCheck: AddressCheck;
  private readonly marks = new MarkSource();
  private readonly silenceBound: SilenceBound;
  // changed by events
  /** Set at birth where it is configured, else by the first request. */
  private dialect: Dialect | undefined;
  /** The detection of the dialect while it runs; shared by the requests that wait for it. */
  private guess: Promise<Dialect> | undefined;
  /** The chat template of raw mode; set by the first request, unset when it could not be loaded. */
  private template: Promise<RawTemplate> | undefined;

  constructor(options: ServerOptions) {
    this.options = options;
    this.silenceBound = new SilenceBound(options.gatewayMs);
    this.slices = options.slices ?? new TimeSlices();
    this.client = new UpstreamClient({ ...options, slices: this.slices });
    this.served = new ServedModels(() => this.client.ask("models", undefined, AbortSignal.timeout(probeTimeoutMs)));
    this.addressCheck = new AddressCheck({
      url: this.client.url,
      look: (path, signal) => this.client.look(path, signal),
      log: options.log,
    });
    const { dialect = "generic" } = options;
    if (typeof dialect === "object") this.dialect = dialect;
    else if (dialect !== "auto") this.dialect = dialects[dialect];
  }

  get address(): string {
    return this.client.url;
  }

  /** Where it is asked, below the base URL. */
  private get path(): string {
    return this.options.mode === "completions" ? "completions" : "chat/completions";
  }

  get capabilities(): Capabilities {
    const { format, rawFormat, video } = this.dialect ?? dialects.generic;
    const own: Capabilities =
      this.options.mode === "completions"
        ? { constrained: rawFormat !== "none", image: false, video: "none" }
        : { constrained: format !== "none", image: true, video };
    return { ...own, ...this.options.capabilities };
  }

  generate(request: GenerationRequest, signal: AbortSignal): DeferredIterator<Batch> {
    return new DeferredIterator(() => this.begin(request, signal));
  }

  private async begin(request: GenerationRequest, signal: AbortSignal): Promise<AsyncIterator<Batch, undefined>> {
    const leave = this.inFlight.enter(signal);
    const ended = (thrown?: unknown): void => {
      leave();
      const elsewhere = thrown instanceof ParleyError && isElsewhere(thrown);
      if (elsewhere) void this.addressCheck.report(this.path, thrown.message);
    };
    try {
      const dialect = this.dialect ?? (await this.detected(signal));
      const own = this.own(request);
      const follows = (this.options.stream ?? dialect.stream) === "follow" && !this.silenceBound.isKnown;
      if (own.delivery === "whole" && follows) return watched(this.whole(own, dialect, signal), ended);
      return readAnswer(await this.opened({ ...own, delivery: "pieces" }, { dialect, signal }), ended);
    } catch (thrown) {
      ended(thrown);
      throw thrown;
    }
  }

  /**
   * An answer that is asked for without a stream. Where a gateway ends the silent request, it and those that follow for a time are
   * asked for as streams. Nothing has come of an answer that is aborted; where the server works on it, it is one that has begun.
   */
  private async *whole(request: GenerationRequest, dialect: Dialect, signal: AbortSignal): AsyncGenerator<Batch> {
    const askedAt = performance.now();
    let taken = false;
    try {
      yield* readAnswer(await this.opened(request, { dialect, signal, onTaken: (now) => (taken = now) }));
      return;
    } catch (thrown) {
      if (taken && toParleyError(thrown).kind === "canceled") return yield abortedAnswer();
      if (!this.silenceBound.mayHaveEnded(thrown, askedAt)) throw thrown;
      this.options.log?.warn({ id: request.id, reason: reasonOf(thrown) }, "a gateway ended a silent request");
    }
    const pieces = await this.opened({ ...request, delivery: "pieces" }, { dialect, signal, askedAt });
    for await (const batch of readAnswer(pieces)) {
      this.silenceBound.record();
      yield batch;
    }
  }

  /** Sends the request; resolves when the answer begins. */
  private async opened(
    request: GenerationRequest,
    { dialect, signal, askedAt, onTaken }: Asking,
  ): Promise<OpenedAnswer> {
    const family = this.familyOf(request);
    const { path, body, decoder } =
      this.options.mode === "completions"
        ? await this.raw(request, dialect, family, signal)
        : this.chat(request, dialect, family);
    const begun = request.brokenTries?.[0]?.askedAt ?? askedAt;
    const health = request.delivery === "whole" ? dialect.health : undefined;
    try {
      return { answer: await this.client.open({ path, body, signal, begun, health, onTaken }), decoder };
    } catch (thrown) {
      const unknown = thrown instanceof ParleyError && isUnknownThere(thrown);
      throw unknown ? this.served.explain(thrown, request.model) : thrown;
    }
  }

  async count(request: GenerationRequest, signal: AbortSignal): Promise<{ tokens: number; exact: boolean }> {
    const dialect = await this.detected(signal);
    const input = { request: this.own(request), dialect, family: this.familyOf(request), signal };
    const tokens = await countTokens(this.client, input);
    return tokens === undefined ? { tokens: estimateInput(request), exact: false } : { tokens, exact: true };
  }

  load(): Load {
    const slots = this.options.slots ?? this.options.connections ?? Infinity;
    const running = Math.min(this.inFlight.count, slots);
    return { running, waiting: this.inFlight.count - running, slots };
  }

  async resolve(model: string): Promise<ServedModel> {
    const own = this.options.model ?? (await this.served.nameOf(model));
    return { model: own, family: familyOf(own) ?? familyOf(model) };
  }

  /** Reads the names of its models. */
  async open(): Promise<void> {
    if (this.options.model === undefined) await this.served.learn();
  }

  /** The names it lists, as far as they were asked for. */
  get models(): readonly string[] {
    return this.options.model === undefined ? this.served.known : [this.options.model];
  }

  /** Resolves when the server reports that it can serve, and where it has no health path. */
  async probe(signal: AbortSignal): Promise<void> {
    const { health } = this.dialect ?? dialects.generic;
    try {
      await this.client.ask(health, undefined, signal);
    } catch (thrown) {
      if (!(thrown instanceof ParleyError) || !isUnknownThere(thrown)) throw thrown;
    }
  }

  async close(): Promise<void> {
    await this.client.close();
  }

  /** The request under the server's own model name. */
  private own(request: GenerationRequest): GenerationRequest {
    const { model } = this.options;
    return model === undefined ? request : { ...request, model };
  }

  private familyOf({ model: asked, family }: GenerationRequest): Family | undefined {
    const { model = asked } = this.options;
    return this.options.family ?? family ?? familyOf(model) ?? familyOf(asked);
  }

  private chat(request: GenerationRequest, dialect: Dialect, family: Family | undefined): Prepared {
    const own = markupOf(dialect.inlineMarkup ? family : undefined);
    const { think, calls = own.calls } = this.options.markup ?? {};
    const { reasoning } = request;
    const start = reasoningStart({ configured: think?.startsInside, reasoning, family });
    const markup = { calls, think: { tags: think?.tags ?? own.think.tags, startsInside: start === "inside" } };
    // A server that was asked for reasoning in its own field has a parser.
    const mayStartInside = start === "unknown" && !dialect.split;
    const decoder = this.decoder(request, dialect, { markup, mayStartInside });
    return { path: this.path, body: chatBody(request, dialect, family), decoder };
  }

  private async raw(
    request: GenerationRequest,
    dialect: Dialect,
    family: Family | undefined,
    signal: AbortSignal,
  ): Promise<Prepared> {
    this.template ??= loadTemplate(this.client, this.options.template);
    const template = await this.template.catch((thrown: unknown) => {
      this.template = undefined;
      throw thrown;
    });
    const { think, calls } = this.options.markup ?? {};
    const promptFamily =
      this.options.prompt ??
      withOverrides(promptFamilyOf(family), { think: think?.tags, startsInside: think?.startsInside, calls });
    const steps = rawRequest(request, dialect, { ...template, family: promptFamily });
    const { body, markup, opening } = await this.slices.run(steps, signal);
    const decoder = this.decoder(request, dialect, { markup });
    decoder.opening(opening);
    return { path: this.path, body, decoder };
  }

  private decoder(
    request: GenerationRequest,
    dialect: Dialect,
    reading: { markup: ModelMarkup; mayStartInside?: boolean },
  ): ChatDecoder {
    const { ids = systemIds, mode, repair, onRepair, log } = this.options;
    const fired = (rule: RepairRule): void => {
      // Reading the model's own markup is raw mode's work, not a repair.
      if (mode === "completions" && inlineRules.has(rule)) return;
      log?.debug({ id: request.id, rule }, "repaired an upstream answer");
      onRepair?.(rule);
    };
    return new ChatDecoder({
      dialect,
      repairs: new Repairs(mode === "completions" ? {} : repair, fired),
      ...reading,
      marks: this.marks,
      tools: request.tools,
      callId: callIds(ids),
      stop: request.sampling.stop,
      maxTokens: request.sampling.maxTokens,
      maxCalls: request.toolChoice === "none" ? 0 : request.parallelCalls ? Infinity : 1,
      estimateInput: () => estimateInput(request),
    });
  }

  /** The dialect, detected at the first request where it is `auto`; a server that is away is asked again. */
  private async detected(signal: AbortSignal): Promise<Dialect> {
    if (this.dialect !== undefined) return this.dialect;
    this.guess ??= this.detect().finally(() => (this.guess = undefined));
    return untilAborted(this.guess, signal, canceled);
  }

  private async detect(): Promise<Dialect> {
    let listed = false;
    let uncertain = false;
    const name = await guessDialect(this.client.url, async (path) => {
      const signal = AbortSignal.timeout(probeTimeoutMs);
      const { status, value } = await this.client.look(path, signal).catch((thrown: unknown) => {
        // a redirect to another server, or a body that cannot be read
        if (thrown instanceof ParleyError) return { status: 0, value: undefined };
        // A server that cannot be reached proves nothing; the next request asks again.
        throw networkFailure(thrown);
      });
      listed ||= path === "models" && isObject(value);
      uncertain ||= leavesOpen(status, path === "models" && !listed);
      return value;
    });
    const dialect = dialects[name];
    if (name === "generic" && uncertain && !listed) return dialect;
    this.options.log?.info({ dialect: name }, "upstream dialect found");
    this.dialect = dialect;
    return dialect;
  }
}
