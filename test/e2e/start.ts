import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { createApp, type App, type AppOverrides } from "../../src/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import { silentLog } from "../../src/telemetry/log.ts";

export const testKey = "sk-test-0123456789";

/** A simulator that knows a name and a code word only where the conversation holds them: proof of what reaches it. */
export const remembering = {
  kind: "sim",
  answers: [
    ...["Alice", "Ludmila"].map((name) => ({
      when: { contains: "my name?", history: `name is ${name}` },
      answer: name,
    })),
    ...["papaya", "cobalt"].map((word) => ({ when: { contains: "code word?", history: word }, answer: word })),
  ],
};

export interface Running {
  app: App;
  url: string;
  /** The data folder. */
  data: string;
  openai: OpenAI;
  /** `fetch` against the server with the key; `key: null` sends none. */
  call(path: string, init?: RequestInit & { key?: string | null }): Promise<Response>;
  stop(): Promise<void>;
}

/** A real listening server on a free loopback port, its data in a folder that goes away with it. */
export async function startServer(flags: Record<string, unknown> = {}, overrides: AppOverrides = {}): Promise<Running> {
  const data = await mkdtemp(join(tmpdir(), "parley-e2e-"));
  const remove = (): Promise<void> => rm(data, { recursive: true, force: true });
  const { app, url } = await listening(data, flags, overrides).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  return {
    app,
    url,
    data,
    openai: new OpenAI({ apiKey: testKey, baseURL: `${url}/v1`, maxRetries: 0 }),
    call: (path, { key = testKey, headers, ...init } = {}) =>
      fetch(`${url}${path}`, {
        ...init,
        headers: {
          "content-type": "application/json",
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(headers as Record<string, string> | undefined),
        },
      }),
    stop: async () => {
      await app.close(0);
      await remove();
    },
  };
}

async function listening(data: string, flags: object, overrides: AppOverrides): Promise<{ app: App; url: string }> {
  const config = loadConfig({ environment: { PARLEY_API_KEYS: testKey }, flags: { port: 0, data, ...flags } });
  const app = await createApp(config, { log: silentLog, ...overrides });
  const { url } = await app.listen();
  return { app, url };
}
