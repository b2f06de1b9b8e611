import type { App } from "../app.ts";
import { ConfigError } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { causeMessage } from "../model/error.ts";

/** What is wrong shows within this time; a large model may go on loading while the server listens. */
const waitMs = 10_000;

/** Whether an engine is the tiny model that ships. */
export function isBuiltin({ engines }: Config, name: string): boolean {
  const settings = engines[name];
  return settings === undefined || (settings.kind === "llama" && settings.model === "builtin");
}

/**
 * Throws `ConfigError` where an engine of this machine cannot be loaded, or a server that the command line names does not
 * answer, as far as that shows at once. A server in a file may be started later: it is only reported.
 */
export async function checkEngines(app: App, config: Config, engineIsGiven: boolean): Promise<void> {
  const checks = [...app.catalog.engines()].map(async ([name, engine]) => {
    if (isBuiltin(config, name) || config.engines[name]?.kind === "sim" || engine.open === undefined) return;
    const fault = await settled(engine.open());
    if (fault !== undefined) throw new ConfigError(`engines.${name}: ${fault}`);
    const members = engine.members?.() ?? [];
    const [down] = members.filter(({ up }) => !up);
    if (!engineIsGiven || down === undefined || members.some(({ up }) => up)) return;
    throw new ConfigError(
      `engine: no server answers at ${down.name} (${down.reason ?? "it is down"}); start it first, or name another one with --engine`,
    );
  });
  await Promise.all(checks);
}

/** Why it failed within the time; `undefined` where it did not. */
async function settled(opening: Promise<void>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, waitMs, undefined)));
  try {
    return await Promise.race([opening.then(() => undefined, causeMessage), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A sentence for a port or an address that cannot be used; other errors stay as they are. */
export function listenFault(error: unknown, host: string, port: number): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const words: Readonly<Record<string, string>> = {
    EADDRINUSE: `${host}:${port} is in use, perhaps by another Parley; choose another port with --port`,
    EACCES: `port ${port} may not be used by this user; choose one above 1023 with --port`,
    EADDRNOTAVAIL: `this machine has no address ${host}; choose another with --host`,
    ENOTFOUND: `no address is known for ${host}; choose another with --host`,
  };
  const sentence = words[String(error.code)];
  return sentence === undefined ? error : new ConfigError(sentence);
}
