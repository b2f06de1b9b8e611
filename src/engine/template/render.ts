import { Template } from "@huggingface/jinja";
import { finish, type Steps } from "../../lib/time-slices.ts";
import { ParleyError } from "../../model/error.ts";
import { isObject } from "../../model/json.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { ThinkMarkup } from "../markup/markup.ts";
import type { PromptFamily } from "./family.ts";
import type { TextGuard } from "./marks.ts";
import type { TemplateMessage } from "./message.ts";
import { plainerMessages, templateMessages } from "./message.ts";

export interface RenderOptions {
  family: PromptFamily;
  bosToken?: string;
  eosToken?: string;
  /** Applied to every text of the caller before it is rendered, so that it cannot spell the template's own marks. */
  guard?: TextGuard;
}

export interface RenderedPrompt {
  text: string;
  /** For the markup parser that reads what the model writes after this prompt. */
  think: ThinkMarkup;
}

/** M3's own switch has three positions (chat_template.jinja of MiniMaxAI/MiniMax-M3); other templates know on and off. */
const thinkingMode = { on: "enabled", adaptive: "adaptive", off: "disabled" } as const;

/**
 * What is rendered holds the event loop: the template engine cannot pause; only the texts are guarded in steps before. So its work
 * is counted first: a value is 1, an object that holds values 5, a message or a tool 8 more. A unit takes 0.6 µs, or 1.2 µs where a
 * template needs a second attempt (measured on a server with Node 26, 2026-11), and the whole less than 100 ms. That is room for
 * 5,000 messages.
 */
const maxWork = 75_000;
const objectWork = 5;
const entryWork = 8;
/** Work of a message without calls. */
const messageWork = objectWork + entryWork + 2;

/** Parses a chat template once. Throws `internal` where our Jinja cannot read it: no caller is to blame. */
export function compileTemplate(source: string): Template {
  try {
    return new Template(source);
  } catch (thrown) {
    throw new ParleyError("internal", "the model's chat template cannot be read", { cause: thrown });
  }
}

/**
 * The prompt of a request. Tools are offered in the caller's order and with the caller's key order, unless
 * `toolChoice` is `none`. A template that refuses the messages is offered a plainer form of them; what it raises then
 * (`raise_exception`) is the caller's to mend: `invalid`. So is a request that would take too long to render.
 */
export function* renderSteps(
  template: Template | string,
  request: GenerationRequest,
  options: RenderOptions,
): Steps<RenderedPrompt> {
  const { family } = options;
  const compiled = typeof template === "string" ? compileTemplate(template) : template;
  const { reasoning } = request;
  const tools = request.toolChoice === "none" ? [] : request.tools;
  const offered = tools.map(templateTool);
  // what cannot pass is not made into messages first; calls and reasoning stand in the messages of others
  const apart = request.items.filter(({ type }) => type === "message" || type === "result").length;
  const toolWork = refuseOver("tools", offered, 0);
  if (toolWork + apart * messageWork > maxWork) throw tooMuch("messages");
  const { guard } = options;
  const messages = templateMessages(request.items, family);
  refuseOver("messages", messages, toolWork);
  const variables = {
    ...(tools.length === 0 ? {} : { tools: yield* eachText(offered, guard) }),
    add_generation_prompt: true,
    enable_thinking: reasoning !== "off",
    thinking_mode: thinkingMode[reasoning],
    ...(request.effort === undefined ? {} : { reasoning_effort: request.effort }),
    bos_token: options.bosToken ?? "",
    eos_token: options.eosToken ?? "",
  };
  const render = (some: unknown): string => compiled.render({ ...variables, messages: some });
  const text = yield* accepted([() => messages, () => plainerMessages(messages)], render, guard);
  const closes = reasoning === "off" && family.opensReasoning.off;
  return {
    text: closes ? text + family.closeReasoning : text,
    think: { tags: family.thinkTags, startsInside: family.opensReasoning[reasoning] && !closes },
  };
}

/** The same at once: for what is known to be short. */
export function renderPrompt(
  template: Template | string,
  request: GenerationRequest,
  options: RenderOptions,
): RenderedPrompt {
  return finish(renderSteps(template, request, options));
}

/** Throws `invalid` where these and the work that was counted `before` are too much; returns the sum. */
function refuseOver(param: string, entries: readonly unknown[], before: number): number {
  // the list itself is not counted
  const own = before + entries.length * entryWork - objectWork;
  const work = own + workOf(entries, maxWork - own);
  if (work > maxWork) throw tooMuch(param);
  return work;
}

function tooMuch(param: string): ParleyError {
  const most = Math.floor(maxWork / messageWork);
  const problem = `too many, or too many values in them: this model's prompt has room for about ${most} messages`;
  return new ParleyError("invalid", `${param}: ${problem}`, { param });
}

/** Of a value and all in it; not counted further when it is more than `most`. */
function workOf(value: unknown, most: number): number {
  if (typeof value !== "object" || value === null) return 1;
  let work = objectWork;
  for (const name in value) {
    if (work > most) break;
    work += workOf((value as Record<string, unknown>)[name], most - work);
  }
  return work;
}

/** The prompt of the first form that the template takes; when it takes none, an error with what it raised for the last one. */
function* accepted(
  forms: readonly (() => readonly TemplateMessage[])[],
  render: (messages: unknown) => string,
  guard: TextGuard | undefined,
): Steps<string> {
  let refusal: unknown;
  for (const form of forms) {
    const guarded = yield* eachText(form(), guard);
    yield;
    try {
      return render(guarded);
    } catch (thrown) {
      refusal = thrown;
    }
  }
  const reason = refusal instanceof Error ? refusal.message : String(refusal);
  throw new ParleyError("invalid", `messages: the model's chat template refuses them: ${reason}`, {
    param: "messages",
    cause: refusal,
  });
}

function templateTool(tool: GenerationRequest["tools"][number]): object {
  const described = tool.description === undefined ? {} : { description: tool.description };
  return { type: "function", function: { name: tool.name, ...described, parameters: tool.parameters } };
}

/** The same structure with every text guarded, keys included; key order is kept. */
function* eachText(value: unknown, guard: TextGuard | undefined): Steps<unknown> {
  if (guard === undefined) return value;
  if (typeof value === "string") return yield* guard(value);
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    for (const one of value as readonly unknown[]) {
      list.push(yield* eachText(one, guard));
      yield;
    }
    return list;
  }
  if (!isObject(value)) return value;
  const pairs: [string, unknown][] = [];
  for (const [key, one] of Object.entries(value)) pairs.push([yield* guard(key), yield* eachText(one, guard)]);
  return Object.fromEntries(pairs);
}
