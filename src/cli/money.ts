import { InvalidArgumentError, type Command } from "commander";
import { microsPerDollar, type Subject } from "../model/account.ts";
import { accountView, type AdminService } from "../service/admin.ts";
import { textOption, type CommandTools, type Flags } from "./command.ts";
import { withAdmin } from "./keys.ts";
import { show, showList } from "./table.ts";

/** `parley money ...`: balances and budgets of keys and organisations. */
export function addMoney(program: Command, { command, settings }: CommandTools): void {
  const money = program.command("money").description("balances and monthly budgets");
  command(money, "list", "list every balance and budget that is set")
    .option("--json", "as JSON")
    .action((flags: Flags) =>
      withAdmin(settings(flags), async (admin) =>
        showList((await admin.accounts()).map(accountView), flags["json"] === true, "No balance and no budget is set."),
      ),
    );
  const changes: Readonly<Record<string, Change>> = {
    credit: {
      description: "pay in dollars; a negative amount takes out",
      work: (admin, subject, amount) => admin.credit(subject, amount ?? 0),
    },
    balance: {
      description: "set the balance; none: no balance limits it",
      work: (admin, subject, balance) => admin.changeAccount(subject, { balance }),
    },
    budget: {
      description: "set the dollars of a calendar month; none: the configured budget",
      work: (admin, subject, budget) => admin.changeAccount(subject, { budget }),
    },
  };
  for (const [name, change] of Object.entries(changes)) {
    command(money, name, change.description)
      .argument("<dollars>", "an amount such as 12.50", name === "credit" ? dollars : dollarsOrNone)
      .option("--key <key>", "of this key, by id or name")
      .option("--organisation <organisation>", "of this organisation, by id or name")
      .option("--json", "as JSON")
      .action((amount: number | null, flags: Flags) =>
        withAdmin(settings(flags), async (admin) => {
          const subject = await admin.subject({
            key: textOption(flags, "key"),
            organisation: textOption(flags, "organisation"),
          });
          show(accountView(await change.work(admin, subject, amount)), flags["json"] === true);
        }),
      );
  }
}

interface Change {
  description: string;
  work: (admin: AdminService, subject: Subject, amount: number | null) => ReturnType<AdminService["account"]>;
}

function dollars(text: string): number {
  if (!/^-?\d{1,9}(\.\d{1,6})?$/.test(text)) throw new InvalidArgumentError("Must be dollars such as 12.50.");
  return Math.round(Number(text) * microsPerDollar);
}

function dollarsOrNone(text: string): number | null {
  return text === "none" ? null : dollars(text);
}
