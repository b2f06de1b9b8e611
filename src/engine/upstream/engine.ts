import type { Engine } from "../engine.ts";
import { UpstreamServer, type ServerOptions } from "./server.ts";

export interface UpstreamOptions extends Omit<ServerOptions, "url"> {
  /** Base URL, or those of several replicas of one server. */
  url: string | readonly string[];
}

/** Any OpenAI-compatible chat server, or several of one kind. */
export function upstreamEngine(options: UpstreamOptions): Engine {
  const [url, ...others] = [options.url].flat();
  if (url === undefined || others.length > 0) throw new Error("an upstream takes exactly one base URL");
  return new UpstreamServer({ ...options, url });
}
