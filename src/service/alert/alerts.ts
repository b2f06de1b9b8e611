import { parseSubject } from "../../model/account.ts";
import type { Budgets } from "../../policy/budget.ts";
import type { LedgerRow, Store } from "../../store/store.ts";
import type { EndedGeneration } from "../generation.ts";
import { BudgetWatch } from "./budget-watch.ts";
import { ErrorWatch } from "./error-watch.ts";
import { Webhooks, type WebhooksOptions } from "./webhooks.ts";

export interface AlertsOptions extends WebhooksOptions {
  store: Pick<Store, "accounts" | "keys" | "organisations" | "notices">;
  budgets: Budgets;
  budgetPercents: readonly number[];
  errorPercent: number;
}

/** Longer than any period that begins anew. */
const noticeMs = 400 * 24 * 3_600_000;

/** Watches what operators are notified of, and notifies them; made only where there is a webhook. */
export class Alerts {
  // fixed at birth
  private readonly options: AlertsOptions;
  private readonly webhooks: Webhooks;
  private readonly budgetWatch: BudgetWatch;
  private readonly errorWatch: ErrorWatch;
  // changed by events
  /** The configured budgets; replaced by `adopt`. */
  private budgets: Budgets;

  constructor(options: AlertsOptions) {
    const { store, ids, log, budgetPercents: percents, errorPercent: percent } = options;
    this.options = options;
    this.budgets = options.budgets;
    this.webhooks = new Webhooks(options);
    const { raise } = this.webhooks;
    this.errorWatch = new ErrorWatch({ percent, raise });
    this.budgetWatch = new BudgetWatch({
      ...{ accounts: store.accounts, notices: store.notices, percents, raise, log },
      budgets: () => this.budgets,
      nameOf: (subject) => this.nameOf(subject),
      now: () => ids.now(),
    });
  }

  /** An observer of generations. */
  readonly ended = (generation: EndedGeneration): void => this.errorWatch.ended(generation);

  /** To be called with rows that are in the store. */
  readonly written = (rows: readonly LedgerRow[]): void => void this.budgetWatch.written(rows);

  /** To be called when a replica goes down or is up again. */
  readonly replicaHealth = ({
    replica,
    up,
    reason,
  }: {
    replica: string;
    up: boolean;
    reason?: string | undefined;
  }): void => {
    const text = up ? `The replica ${replica} is up again.` : `The replica ${replica} is down: ${reason ?? "unknown"}.`;
    this.webhooks.raise({ event: up ? "replica-up" : "replica-down", text, data: { replica, reason: reason ?? null } });
  };

  adopt(budgets: Budgets): void {
    this.budgets = budgets;
  }

  /** Forgets alerts of periods that are long over. */
  sweep(): Promise<void> {
    const { store, ids } = this.options;
    return store.notices.sweep(ids.now() - noticeMs);
  }

  close(): Promise<void> {
    return this.webhooks.close();
  }

  private async nameOf(text: string): Promise<string> {
    const subject = parseSubject(text);
    if (subject === undefined) return text;
    const { keys, organisations } = this.options.store;
    const found = await (subject.kind === "organisation" ? organisations : keys).get(subject.id);
    return found?.name ?? subject.id;
  }
}
