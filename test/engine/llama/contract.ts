import type { Engine } from "../../../src/engine/engine.ts";
import { textOf } from "../../../src/model/item.ts";
import type { ToolDefinition } from "../../../src/model/request.ts";
import type { EngineContract } from "../../contract/engine.ts";
import { longFormat } from "./ask.ts";

const longAsk = "Tell me a long story.";

/** Forced to a call that the conversation gives no reason for, a tiny model fills a text without bound. */
function bounded(tool: ToolDefinition): ToolDefinition {
  const city = { type: "string", maxLength: 20 };
  return { ...tool, parameters: { ...tool.parameters, properties: { city } } };
}

/** The tiny model answers briefly; asked for the long answer, it is held to one. */
function talkative(engine: Engine): Engine {
  return {
    kind: engine.kind,
    get capabilities() {
      return engine.capabilities;
    },
    generate: (request, signal) => {
      const long = request.items.some((item) => item.type === "message" && textOf(item.parts) === longAsk);
      const tools = typeof request.toolChoice === "object" ? request.tools.map(bounded) : request.tools;
      return engine.generate(long ? { ...request, format: longFormat } : { ...request, tools }, signal);
    },
    count: (request, signal) => engine.count(request, signal),
    load: () => engine.load(),
    close: () => engine.close(),
  };
}

/** The contract of an engine that runs the tiny model with two sequences. */
export function tinyContract(make: () => Engine): EngineContract {
  return {
    make: () => talkative(make()),
    longAsk,
    supports: {
      exactCount: true,
      length: true,
      thinking: true,
      forcedCalls: true,
      stop: true,
      queue: true,
      deterministic: true,
      cache: true,
      context: true,
      schema: true,
    },
  };
}
