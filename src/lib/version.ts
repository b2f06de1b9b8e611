import { readFileSync } from "node:fs";

/** The version in `package.json`, two folders up from the sources and from the built files alike. */
export const version: string = String(
  (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: unknown }).version,
);
