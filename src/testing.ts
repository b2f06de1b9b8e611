/**
 * What `import ... from "@parley-ai/parley/testing"` gives: the simulator behind the whole server, in the process of a test.
 * docs/simulator.md shows it with vitest.
 */
import { createApp, type GenerationRequest, type Settings } from "./main.ts";

export { ConfigError } from "./main.ts";
export type { GenerationRequest } from "./main.ts";

type Engine = NonNullable<Settings["engines"]>[string];

/** The settings of `kind: sim` (docs/config.md), such as `answers`, `strict` and `faults`; and those of the server. */
export type TestOptions = Partial<Omit<Extract<Engine, { kind: "sim" }>, "kind">> & {
  /** Settings besides the engine, such as `limits` or `strict`. */
  settings?: Omit<Settings, "engine" | "engines">;
};

export interface TestServer {
  /** Without a path: the base URL of clients is `${url}/v1`. */
  readonly url: string;
  /** An API key that the server takes. */
  readonly key: string;
  /** What reached the simulator, as the engine sees it; oldest first, the last `journal` (default 1,000). */
  requests(): readonly GenerationRequest[];
  /** Ends running answers and frees everything; nothing is left on the disk. */
  stop(): Promise<void>;
}

/** Starts the simulator on a free port of 127.0.0.1. Throws `ConfigError` for a wrong setting. */
export async function startParley({ settings, ...simulator }: TestOptions = {}): Promise<TestServer> {
  const engines = { sim: { kind: "sim" as const, journal: 1_000, ...simulator } };
  const server = await createApp({ ...settings, engines });
  try {
    const { url } = await server.listen({ host: "127.0.0.1", port: 0 });
    return { url, key: server.apiKey, requests: () => server.requests(), stop: () => server.close() };
  } catch (error) {
    await server.close();
    throw error;
  }
}
