import { InvalidArgumentError, Option, type Command } from "commander";
import { microsPerDollar, type Subject } from "../model/account.ts";
import { accountView, organisationView, usageCsv, usageView, type AdminService } from "../service/admin.ts";
import { textOption, type CommandTools, type Flags } from "./command.ts";
import { given, limitsOf, wholeNumber, withAdmin } from "./keys.ts";
import { show, showList } from "./table.ts";

type Usage = Parameters<AdminService["usage"]>[0];

/** `parley usage`: what was used, by key, organisation, model or day. */
export function addUsage(program: Command, { command, settings }: CommandTools): void {
  command(program, "usage", "report what was used")
    .addOption(
      new Option("--by <group>", "one line for each").choices(["key", "organisation", "model", "day"]).default("day"),
    )
    .option("--from <date>", "from this day or moment on (UTC)", moment)
    .option("--to <date>", "before this day or moment (UTC)", moment)
    .option("--key <key>", "of one key, by id or name")
    .option("--model <name>", "of one model")
    .option("--json", "as JSON")
    .option("--csv", "as comma-separated values")
    .action((flags: Flags) =>
      withAdmin(settings(flags), async (admin) => {
        const rows = await admin.usage(await query(admin, flags));
        if (flags["csv"] === true) process.stdout.write(usageCsv(rows));
        else if (flags["json"] === true) console.log(JSON.stringify(rows.map(usageView)));
        else showList(rows.map(readable), false, "Nothing was used.");
      }),
    );
}

/** `parley organisations ...`: tenants, whose keys share limits and money. */
export function addOrganisations(program: Command, { command, settings }: CommandTools): void {
  const organisations = program
    .command("organisations")
    .description("organisations, whose keys share limits and money");
  const json = (flags: Flags): boolean => flags["json"] === true;
  const limits = (made: Command): Command =>
    made
      .option("--requests-per-minute <number>", "limit of all its keys together", wholeNumber)
      .option("--tokens-per-minute <number>", "limit of all its keys together", wholeNumber)
      .option("--streams <number>", "concurrent answers", wholeNumber)
      .option("--json", "as JSON");
  limits(command(organisations, "create", "make an organisation").requiredOption("--name <name>", "its name")).action(
    (flags: Flags) =>
      withAdmin(settings(flags), async (admin) => {
        const input = { name: String(flags["name"]), limits: limitsOf(flags) };
        show(organisationView(await admin.createOrganisation(input)), json(flags));
      }),
  );
  command(organisations, "list", "list the organisations")
    .option("--json", "as JSON")
    .action((flags: Flags) =>
      withAdmin(settings(flags), async (admin) =>
        showList((await admin.organisations()).map(organisationView), json(flags), "No organisations yet."),
      ),
    );
  for (const [name, disabled] of [
    ["disable", true],
    ["enable", false],
  ] as const) {
    command(organisations, name, disabled ? "stop all its keys from working" : "let its keys work again")
      .argument("<organisation>", "its id or name")
      .option("--json", "as JSON")
      .action((reference: string, flags: Flags) =>
        withAdmin(settings(flags), async (admin) =>
          show(organisationView(await admin.changeOrganisation(reference, { disabled })), json(flags)),
        ),
      );
  }
  command(organisations, "delete", "delete it; its keys stay, without an organisation")
    .argument("<organisation>", "its id or name")
    .option("--json", "as JSON")
    .action((reference: string, flags: Flags) =>
      withAdmin(settings(flags), async (admin) =>
        show({ id: (await admin.deleteOrganisation(reference)).id, deleted: true }, json(flags)),
      ),
    );
}

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

async function query(admin: AdminService, flags: Flags): Promise<Usage> {
  const { by, from, to } = flags;
  const key = textOption(flags, "key");
  return given<Usage>({
    by: by as Usage["by"],
    from: typeof from === "number" ? from : undefined,
    to: typeof to === "number" ? to : undefined,
    keyId: key === undefined ? undefined : (await admin.subject({ key })).id,
    model: textOption(flags, "model"),
  });
}

/** The row as a person reads it: with dollars. */
function readable(row: Parameters<typeof usageView>[0]): Record<string, unknown> {
  const { costMicros, ...shown } = usageView(row);
  return { ...shown, dollars: (Number(costMicros) / microsPerDollar).toFixed(6) };
}

function moment(text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new InvalidArgumentError("Must be a date such as 2026-11-01.");
  return time;
}

function dollars(text: string): number {
  if (!/^-?\d{1,9}(\.\d{1,6})?$/.test(text)) throw new InvalidArgumentError("Must be dollars such as 12.50.");
  return Math.round(Number(text) * microsPerDollar);
}

function dollarsOrNone(text: string): number | null {
  return text === "none" ? null : dollars(text);
}
