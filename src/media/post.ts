import type { LookupFunction } from "node:net";
import { guardedAgent } from "./fetch.ts";

export interface PosterOptions {
  /** Hosts, addresses and networks that may be called although they are not public. */
  allow: readonly string[];
  timeoutMs: number;
  /** Instead of the system's resolver. */
  lookup?: LookupFunction | undefined;
}

/** What is sent. */
export interface PostCall {
  headers: Record<string, string>;
  body: string;
  signal: AbortSignal;
}

/** Sends bodies to addresses that a download might come from too: public ones, and those that are allowed. */
export class Poster {
  // fixed at birth
  private readonly options: PosterOptions;
  // changed by events
  /** The library and its agent; the first call opens them. */
  private opened: ReturnType<typeof guardedAgent> | undefined;

  constructor(options: PosterOptions) {
    this.options = options;
  }

  /** Resolves with the status; redirects are not followed. Rejects where there is no answer. */
  async post(url: string, { headers, body, signal }: PostCall): Promise<number> {
    this.opened ??= guardedAgent(this.options);
    const { agent, request } = await this.opened;
    const answer = await request(url, { method: "POST", dispatcher: agent, headers, body, signal });
    await answer.body.dump();
    return answer.statusCode;
  }

  async close(): Promise<void> {
    await (await this.opened)?.agent.destroy();
  }
}
