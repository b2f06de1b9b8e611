import { invalid, ParleyError } from "../model/error.ts";
import type {
  LedgerEntry,
  LedgerFilter,
  LedgerPlace,
  LedgerQuery,
  LedgerStore,
  UsageQuery,
  UsageRow,
  UsageSums,
} from "../store/store.ts";
import { pageOf, type Page } from "./report.ts";

/** Which rows a report or a list is of: `key` and `organisation` by id or name, those included that were deleted by id. */
export interface RowFilter extends Omit<LedgerFilter, "keyId" | "organisation"> {
  key?: string;
  organisation?: string;
}

export interface ReportQuery extends RowFilter {
  by: UsageQuery["by"];
}

export interface Report {
  rows: UsageRow[];
  /** Every request once, also where a key with several tags has a line for each. */
  total: UsageSums;
}

/** What a page of the ledger is asked for. */
export interface PageQuery extends RowFilter {
  outcome?: string;
  request?: string;
  /** The `next` of the page before. */
  after?: string;
  limit: number;
}

export interface UsageReportsOptions {
  ledger: Pick<LedgerStore, "usage" | "list">;
  /** The id for an id or a name of a key. */
  keyId: (reference: string) => Promise<string>;
  organisationId: (reference: string) => Promise<string>;
}

/** What was used, in sums and in single rows of the ledger. */
export class UsageReports {
  // fixed at birth
  private readonly options: UsageReportsOptions;

  constructor(options: UsageReportsOptions) {
    this.options = options;
  }

  /** Throws `invalid` where a name is that of several. */
  async usage({ by, ...asked }: ReportQuery): Promise<Report> {
    const { ledger } = this.options;
    const filter = await this.filter(asked);
    const rows = await ledger.usage({ by, ...filter });
    const once = by.includes("tag") ? await ledger.usage({ by: ["model"], ...filter }) : rows;
    return { rows, total: once.reduce(added, nothing) };
  }

  /** Newest first. Throws `invalid` for an `after` that is of no page. */
  async ledger({ after, limit, outcome, request, ...asked }: PageQuery): Promise<Page<LedgerEntry>> {
    const query: LedgerQuery = {
      ...(await this.filter(asked)),
      ...(outcome !== undefined && { outcome }),
      ...(request !== undefined && { request }),
      ...(after !== undefined && { after: placeOf(after) }),
      limit: limit + 1,
    };
    return pageOf(await this.options.ledger.list(query), limit);
  }

  /** The last row that one request was booked in, by the id in its answer's headers. Throws `not-found`. */
  async request(id: string): Promise<LedgerEntry> {
    const [row] = await this.options.ledger.list({ request: id, limit: 1 });
    if (row === undefined) throw new ParleyError("not-found", `no request '${id.slice(0, 100)}' in the ledger`);
    return row;
  }

  private async filter({ key, organisation, ...rest }: RowFilter): Promise<LedgerFilter> {
    const { keyId, organisationId } = this.options;
    return {
      ...rest,
      ...(key !== undefined && { keyId: await keyId(key) }),
      ...(organisation !== undefined && { organisation: await organisationId(organisation) }),
    };
  }
}

function placeOf(text: string): LedgerPlace {
  const [, at, id] = /^(\d{1,16})-(.{1,100})$/.exec(text) ?? [];
  if (at === undefined || id === undefined) throw invalid("after", "must be the `next` of a page");
  return { at: Number(at), id };
}

const nothing: UsageSums = {
  requests: 0,
  failed: 0,
  canceled: 0,
  input: 0,
  cached: 0,
  output: 0,
  reasoning: 0,
  cost: 0,
};

function added(sums: UsageSums, row: UsageSums): UsageSums {
  return {
    requests: sums.requests + row.requests,
    failed: sums.failed + row.failed,
    canceled: sums.canceled + row.canceled,
    input: sums.input + row.input,
    cached: sums.cached + row.cached,
    output: sums.output + row.output,
    reasoning: sums.reasoning + row.reasoning,
    cost: sums.cost + row.cost,
  };
}
