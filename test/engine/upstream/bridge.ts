import type { ServerResponse } from "node:http";
import type { Engine } from "../../../src/engine/engine.ts";
import { ParleyError } from "../../../src/model/error.ts";
import type { GenerationEvent } from "../../../src/model/event.ts";
import { textPart, type Item } from "../../../src/model/item.ts";
import type { GenerationRequest, OutputFormat, ToolChoice, ToolDefinition } from "../../../src/model/request.ts";
import { doneFrame, fakeServer, frame, requestOf, sse, type Asked, type FakeServer } from "./fake.ts";

/*
 * An OpenAI-compatible server over any engine, in the manner of vLLM: `reasoning`, `chat_template_kwargs`, `/tokenize`.
 * Written from the OpenAI wire alone, so that it shares no code with the surfaces it stands in for.
 */
export function bridgeServer(engine: Engine): Promise<FakeServer> {
  return fakeServer(async (asked, response) => {
    const abort = new AbortController();
    response.on("close", () => abort.abort());
    const request = read(asked);
    if (asked.path === "/tokenize") {
      const { tokens } = await engine.count(request, abort.signal);
      response.end(JSON.stringify({ count: tokens, max_model_len: 4096 }));
    } else await answer(engine, request, { response, signal: abort.signal });
  });
}

interface Out {
  response: ServerResponse;
  signal: AbortSignal;
}

async function answer(engine: Engine, request: GenerationRequest, { response, signal }: Out): Promise<void> {
  try {
    let calls = -1;
    const show = (event: GenerationEvent): string => shown(event, event.type === "call-start" ? ++calls : calls);
    for await (const batch of engine.generate(request, signal)) {
      if (!response.headersSent) sse(response);
      const text = batch.map(show).join("");
      if (text !== "") response.write(text);
    }
    response.end(doneFrame);
  } catch (thrown) {
    const status = thrown instanceof ParleyError && thrown.kind === "context" ? 400 : 500;
    if (response.headersSent) response.destroy();
    else response.writeHead(status).end(JSON.stringify({ error: { message: String(thrown) } }));
  }
}

const finishes = { stop: "stop", length: "length", calls: "tool_calls", filter: "content_filter", error: "abort" };

function shown(event: GenerationEvent, index: number): string {
  switch (event.type) {
    case "text-delta":
      return frame({ content: event.text });
    case "reasoning-delta":
      return frame({ reasoning: event.text });
    case "call-start":
      return frame({
        tool_calls: [{ index, id: `tool-${index}`, type: "function", function: { name: event.name, arguments: "" } }],
      });
    case "call-delta":
      return frame({ tool_calls: [{ index, function: { arguments: event.args } }] });
    case "usage": {
      const { input, cached, output, reasoning } = event.usage;
      const usage = {
        prompt_tokens: input,
        completion_tokens: output,
        prompt_tokens_details: { cached_tokens: cached },
        completion_tokens_details: { reasoning_tokens: reasoning },
      };
      return `data: ${JSON.stringify({ choices: [], usage })}\n\n`;
    }
    case "finish":
      return frame({}, finishes[event.reason]);
    default:
      return "";
  }
}

interface Message {
  role: string;
  content: string | null;
  reasoning?: string;
  tool_call_id?: string;
  tool_calls?: { id: string; function: { name: string; arguments: string } }[];
}

interface Body {
  model: string;
  messages: Message[];
  max_tokens?: number;
  temperature?: number;
  stop?: string[];
  tools?: { function: ToolDefinition }[];
  tool_choice?: "none" | "auto" | "required" | { function: { name: string } };
  response_format?: { type: string; json_schema?: { schema: Record<string, never> } };
  chat_template_kwargs?: { enable_thinking?: boolean };
}

function read(asked: Asked): GenerationRequest {
  const body = asked.body as unknown as Body;
  const { max_tokens: maxTokens, temperature, stop = [] } = body;
  return requestOf({
    model: body.model,
    items: body.messages.flatMap(readMessage),
    tools: (body.tools ?? []).map((tool) => tool.function),
    toolChoice: readChoice(body.tool_choice),
    reasoning: body.chat_template_kwargs?.enable_thinking === true ? "on" : "off",
    format: readFormat(body.response_format),
    sampling: {
      stop,
      ...(maxTokens === undefined ? {} : { maxTokens }),
      ...(temperature === undefined ? {} : { temperature }),
    },
  });
}

function readMessage(message: Message): Item[] {
  const parts = [textPart(message.content ?? "")];
  if (message.role === "tool") return [{ type: "result", id: message.tool_call_id ?? "", parts, failed: false }];
  const items: Item[] = [];
  if (message.reasoning !== undefined) items.push({ type: "reasoning", text: message.reasoning });
  if (message.content !== null)
    items.push({ type: "message", role: message.role as "user" | "assistant" | "system", parts });
  for (const { id, function: called } of message.tool_calls ?? []) {
    items.push({ type: "call", id, name: called.name, args: called.arguments });
  }
  return items;
}

function readChoice(choice: Body["tool_choice"]): ToolChoice {
  return typeof choice === "object" ? { name: choice.function.name } : (choice ?? "auto");
}

function readFormat(format: Body["response_format"]): OutputFormat {
  if (format?.json_schema === undefined) return { type: format?.type === "json_object" ? "json" : "text" };
  return { type: "schema", schema: format.json_schema.schema, strict: true, path: "schema" };
}
