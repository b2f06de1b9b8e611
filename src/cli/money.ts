import { InvalidArgumentError, Option, type Command } from "commander";
import { dollarText, microsPerDollar, parseSubject, periods, type Period, type Subject } from "../model/account.ts";
import { accountView, type Account, type AdminService } from "../service/admin.ts";
import { textOption, type CommandTools, type Flags } from "./command.ts";
import { show, showList } from "./table.ts";
import { withAdmin } from "./with-admin.ts";

/** `parley money ...`: balances and budgets of keys and organisations. */
export function addMoney(program: Command, { command, settings }: CommandTools): void {
  const money = program.command("money").description("balances and budgets");
  command(money, "list", "list every balance and budget, those of the settings included")
    .option("--json", "as JSON")
    .action((flags: Flags) =>
      withAdmin(settings(flags), async (admin) => {
        const accounts = await admin.money.list();
        const json = flags["json"] === true;
        const rows = json ? accounts.map(accountView) : accounts.flatMap(moneyRows);
        showList(rows, json, "No balance and no budget is set.");
      }),
    );
  for (const [name, change] of Object.entries(changes)) {
    const made = command(money, name, change.description)
      .argument("<dollars>", "an amount such as 12.50", name === "credit" ? dollars : dollarsOrNone)
      .option("--key <key>", "of this key, by id or name")
      .option("--organisation <organisation>", "of this organisation, by id or name")
      .option("--json", "as JSON");
    if (name === "budget") made.addOption(periodOption());
    made.action((amount: number | null, flags: Flags) =>
      withAdmin(settings(flags), async (admin) => {
        const subject = await admin.subject({
          key: textOption(flags, "key"),
          organisation: textOption(flags, "organisation"),
        });
        showMoney(await change.work(admin, { subject, amount, period: periodOf(flags) }), flags["json"] === true);
      }),
    );
  }
}

interface Change {
  description: string;
  work(admin: AdminService, asked: { subject: Subject; amount: number | null; period: Period }): Promise<Account>;
}

const changes: Readonly<Record<string, Change>> = {
  credit: {
    description: "pay in dollars; a negative amount takes out",
    work: (admin, { subject, amount }) => admin.money.credit(subject, amount ?? 0),
  },
  balance: {
    description: "set the balance; none: no balance limits it",
    work: (admin, { subject, amount }) => admin.money.change(subject, { balance: amount }),
  },
  budget: {
    description: "set the dollars of a period; none: the budget of the settings",
    work: (admin, { subject, amount, period }) => admin.money.change(subject, { budgets: { [period]: amount } }),
  },
};

const periodOption = (): Option =>
  new Option("--period <period>", "of a day, week, month (UTC), or in total").choices(periods).default("month");

function periodOf(flags: Flags): Period {
  return periods.find((one) => one === flags["period"]) ?? "month";
}

/** For commands that make something with a budget. */
export function budgetOptions(command: Command): Command {
  return command.option("--budget <dollars>", "its own budget, such as 12.50", dollars).addOption(periodOption());
}

export function budgetsOf(flags: Flags): { [Name in Period]?: number } | undefined {
  const { budget } = flags;
  return typeof budget === "number" ? { [periodOf(flags)]: budget } : undefined;
}

/** One account as JSON, or as lines of names and values. */
export function showMoney(account: Account, json: boolean): void {
  if (json) show(accountView(account), true);
  else show({ subject: account.subject, name: account.name, ...moneyFields(account) }, false);
}

/** Balance and budgets for people, in dollars. */
function moneyFields({ balance, budgets }: Account): Record<string, string | null> {
  const lines = budgets.map(({ period, limit, spent, own, resetsAt }) => {
    const until = resetsAt === undefined ? "" : ` until ${new Date(resetsAt).toISOString().slice(0, 10)}`;
    const from = own ? "" : " (of the settings)";
    return [`${period} budget`, `${dollarText(spent)} of ${dollarText(limit)} dollars spent${until}${from}`] as const;
  });
  return { balance: balance === null ? null : `${dollarText(balance)} dollars`, ...Object.fromEntries(lines) };
}

/** A row for each budget of an account, or one for its balance alone. */
function moneyRows({ subject, name, balance, budgets }: Account): Record<string, unknown>[] {
  const of = { of: parseSubject(subject)?.kind, name: name === "" ? parseSubject(subject)?.id : name };
  const left = balance === null ? null : dollarText(balance);
  const rows = budgets.map(({ period, limit, spent, own, resetsAt }) => ({
    ...of,
    balance: left,
    period,
    budget: dollarText(limit),
    spent: dollarText(spent),
    until: resetsAt === undefined ? null : new Date(resetsAt).toISOString().slice(0, 10),
    set: own ? "account" : "settings",
  }));
  return rows.length > 0
    ? rows
    : [{ ...of, balance: left, period: null, budget: null, spent: null, until: null, set: null }];
}

function dollars(text: string): number {
  if (!/^-?\d{1,9}(\.\d{1,6})?$/.test(text)) throw new InvalidArgumentError("Must be dollars such as 12.50.");
  return Math.round(Number(text) * microsPerDollar);
}

function dollarsOrNone(text: string): number | null {
  return text === "none" ? null : dollars(text);
}

/** Balance and budgets, shown beside what they belong to. */
export function moneyOf(account: Account, json: boolean): Record<string, unknown> {
  if (!json) return moneyFields(account);
  const { balanceMicros, budgetMicros, spentMicros, budgets } = accountView(account);
  return { balanceMicros, budgetMicros, spentMicros, budgets };
}
