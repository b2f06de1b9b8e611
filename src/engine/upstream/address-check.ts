import type { Log } from "../../telemetry/log.ts";
import { listedModels } from "./dialect/dialect.ts";

export interface AddressCheckOptions {
  /** The configured base URL, without credentials and query. */
  url: string;
  /** The status of a GET at an absolute path of the same origin, and the JSON of a 200. */
  look: (path: string, signal: AbortSignal) => Promise<{ status: number; value: unknown }>;
  log: Pick<Log, "warn"> | undefined;
}

/** A fault that stays is logged this often. */
const repeatMs = 60_000;
const lookMs = 3_000;
/** Places that are looked at. */
const maxPlaces = 6;

/**
 * Says in the log where the API of an upstream is whose base URL is wrong: at the configured address every request is
 * answered with 404 or with a web page, and callers only get that the upstream failed.
 */
export class AddressCheck {
  // fixed at birth
  private readonly options: AddressCheckOptions;
  // changed by events
  /** `performance.now()` of the last line; `undefined` before the first. */
  private loggedAt: number | undefined;

  constructor(options: AddressCheckOptions) {
    this.options = options;
  }

  /** A request to `path` below the base URL had this outcome. Looks for the API and logs what it found; never rejects. */
  async report(path: string, reason: string): Promise<void> {
    const now = performance.now();
    if (this.loggedAt !== undefined && now - this.loggedAt < repeatMs) return;
    this.loggedAt = now;
    const { url, log } = this.options;
    const { origin, pathname } = new URL(url);
    const base = pathname === "/" ? "/v1" : pathname.replace(/\/+$/, "");
    if (await this.isApi(base)) return;
    const found = await this.find(likelyBases(base));
    const hint =
      found === undefined
        ? `no API of the form of OpenAI was found at ${origin}: check host, port and path of url`
        : `set url to ${origin}${found === "" ? "/" : found}`;
    log?.warn({ asked: `POST ${origin}${base}/${path}`, reason, hint }, "the base URL of an upstream is wrong");
  }

  private async find(places: readonly string[]): Promise<string | undefined> {
    for (const place of places) if (await this.isApi(place)) return place;
    return undefined;
  }

  /** Whether a list of models is there. */
  private async isApi(base: string): Promise<boolean> {
    try {
      const { value } = await this.options.look(`${base}/models`, AbortSignal.timeout(lookMs));
      return listedModels(value).length > 0;
    } catch {
      return false;
    }
  }
}

/** Where the API may be in the place of a path, likeliest first: a `/v1` that is missing, doubled, or followed by too much. */
export function likelyBases(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  const ancestors = parts.map((_, at) => parts.slice(0, parts.length - at)).concat([[]]);
  const places = ancestors.flatMap((above) => {
    const place = above.map((part) => `/${part}`).join("");
    return place.endsWith("/v1") ? [place] : [`${place}/v1`, place];
  });
  return [...new Set(places)].filter((place) => place !== path && place !== "").slice(0, maxPlaces);
}
