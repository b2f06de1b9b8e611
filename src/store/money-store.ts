/** The part of the port for reservations of money. */

export interface MoneyClaim {
  /** Of the reservation. */
  id: string;
  /** All that pay, and the month's budget of those that have none of their own. */
  accounts: readonly { subject: string; budget: number | null }[];
  /** As 202611. */
  month: number;
  /** Millionths of a dollar. */
  amount: number;
}

export interface MoneyAnswer {
  /** Why nothing was reserved: a balance or a budget is spent, or answers under way hold what is left. */
  refused: "balance" | "budget" | "held" | null;
  /** Whether something was reserved; nothing is where no account has a balance or a budget. */
  held: boolean;
}

/** What answers under way may cost, reserved by several processes. The database's clock counts. */
export interface MoneyStore {
  /**
   * Reserves the amount from every account, or from none. Where less is left it reserves that, unless a reservation of
   * that kind is there already.
   */
  reserve(claim: MoneyClaim): Promise<MoneyAnswer>;
  /** Replaces what a reservation holds by what was used. */
  settle(id: string, used: number): Promise<void>;
  release(ids: readonly string[]): Promise<void>;
  /** Reservations that were not renewed for 30 seconds belong to a process that has ended, and do not count. */
  renew(ids: readonly string[]): Promise<void>;
}
