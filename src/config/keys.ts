import type { Config } from "./schema.ts";

/** The keys that a configuration holds, as they are sent. */
export function configuredKeys({ apiKeys, adminKeys }: Config): { staticKeys: string[]; adminKeys: string[] } {
  return { staticKeys: apiKeys.map((key) => key.reveal()), adminKeys: adminKeys.map((key) => key.reveal()) };
}

/** A declared key as it is applied. */
type Declared = Omit<Config["keys"][string], "secret"> & { secret?: string };

/** The keys and organisations that a configuration declares, with their secrets as they are sent. */
export function declaredOf({ keys, organisations }: Config): {
  keys: Record<string, Declared>;
  organisations: Config["organisations"];
} {
  const declared = Object.entries(keys).map(([name, { secret, ...key }]): [string, Declared] => [
    name,
    { ...key, ...(secret !== undefined && { secret: secret.reveal() }) },
  ]);
  return { keys: Object.fromEntries(declared), organisations };
}
