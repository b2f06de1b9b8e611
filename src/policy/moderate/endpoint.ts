import { plainError } from "../../model/error.ts";
import { isObject } from "../../model/json.ts";
import type { Secret } from "../../lib/secret.ts";
import { worse, type Check, type Finding, type Verdict } from "./finding.ts";

/** What one category of the endpoint means here. */
export interface EndpointRow extends Finding {
  /** Found from this score on, 0 to 1; without it the endpoint's own flag decides. */
  score?: number;
}

export interface EndpointOptions {
  /** Base URL; `/moderations` is put behind it. */
  url: string;
  key?: Secret;
  model?: string;
  /** By the endpoint's category names; a row here replaces the default one of that name. */
  categories: Readonly<Record<string, EndpointRow>>;
}

/** OpenAI's category names. Flagged content of an unknown category is `other`. */
const defaultRows: Readonly<Record<string, EndpointRow>> = {
  "sexual/minors": { category: 1, severity: "severe" },
  sexual: { category: 2, severity: "severe" },
  illicit: { category: 4, severity: "severe" },
  "illicit/violent": { category: 4, severity: "severe" },
  harassment: { category: 5, severity: "mild" },
  "harassment/threatening": { category: 5, severity: "severe" },
  hate: { category: 5, severity: "severe" },
  "hate/threatening": { category: 5, severity: "severe" },
  violence: { category: 6, severity: "mild" },
  "violence/graphic": { category: 6, severity: "severe" },
  "self-harm": { category: 7, severity: "severe" },
  "self-harm/intent": { category: 7, severity: "severe" },
  "self-harm/instructions": { category: 7, severity: "severe" },
};
const unknownRow: EndpointRow = { category: 7, severity: "severe" };

/** `POST {url}/moderations` as a check. Throws on any other answer than results. */
export function endpointCheck(options: EndpointOptions): Check {
  const url = `${options.url.replace(/\/+$/, "")}/moderations`;
  const rows = new Map(Object.entries({ ...defaultRows, ...options.categories }));
  const headers = {
    "content-type": "application/json",
    accept: "application/json",
    ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key.reveal()}` }),
  };
  return async (text, signal) => {
    const body = JSON.stringify({ input: text, ...(options.model === undefined ? {} : { model: options.model }) });
    // imported with the first request: 8 MB that a server without outgoing calls does not need
    const { request } = await import("undici");
    const answer = await request(url, { method: "POST", headers, body, signal });
    if (answer.statusCode !== 200) {
      await answer.body.dump();
      throw plainError("upstream", `the moderations endpoint answered ${answer.statusCode}`);
    }
    const results = resultsOf(await answer.body.json());
    return results.reduce<Verdict>((verdict, result) => worse(verdict, read(result, rows)), undefined);
  };
}

function resultsOf(body: unknown): Record<string, unknown>[] {
  const results = isObject(body) ? body["results"] : undefined;
  if (!Array.isArray(results) || results.length === 0 || !results.every(isObject)) {
    throw plainError("upstream", "the moderations endpoint answered without results");
  }
  return results;
}

function read(result: Record<string, unknown>, rows: ReadonlyMap<string, EndpointRow>): Verdict {
  const flags = isObject(result["categories"]) ? result["categories"] : {};
  const scores = isObject(result["category_scores"]) ? result["category_scores"] : {};
  let verdict: Verdict;
  for (const name of new Set([...Object.keys(flags), ...Object.keys(scores)])) {
    const { category, severity, score } = rows.get(name) ?? unknownRow;
    const reached = score === undefined ? flags[name] === true : Number(scores[name]) >= score;
    if (reached) verdict = worse(verdict, { category, severity });
  }
  if (verdict !== undefined || result["flagged"] !== true || Object.values(flags).includes(true)) return verdict;
  return { category: unknownRow.category, severity: unknownRow.severity };
}
