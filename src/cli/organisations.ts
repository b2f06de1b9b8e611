import type { Command } from "commander";
import { organisationView } from "../service/admin.ts";
import { textOption, type CommandTools, type Flags } from "./command.ts";
import { limitsOf, wholeNumber } from "./keys.ts";
import { budgetOptions, budgetsOf, moneyOf } from "./money.ts";
import { show, showList } from "./table.ts";
import { withAdmin } from "./with-admin.ts";

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
  const create = command(organisations, "create", "make an organisation").requiredOption("--name <name>", "its name");
  limits(budgetOptions(create)).action((flags: Flags) =>
    withAdmin(settings(flags), async (admin) => {
      const made = await admin.createOrganisation({ name: String(flags["name"]), limits: limitsOf(flags) });
      const budgets = budgetsOf(flags);
      if (budgets !== undefined) await admin.money.change({ kind: "organisation", id: made.id }, { budgets });
      show(organisationView(made), json(flags));
    }),
  );
  const change = command(organisations, "change", "change its name or its limits")
    .argument("<organisation>", "its id or name")
    .option("--name <name>", "its name")
    .option("--no-limits", "take its own limits away");
  limits(change).action((reference: string, flags: Flags) =>
    withAdmin(settings(flags), async (admin) => {
      const before = flags["limits"] === false ? {} : (await admin.organisation(reference)).limits;
      const name = textOption(flags, "name");
      const input = { ...(name !== undefined && { name }), limits: { ...before, ...limitsOf(flags) } };
      show(organisationView(await admin.changeOrganisation(reference, input)), json(flags));
    }),
  );
  command(organisations, "show", "show one organisation")
    .argument("<organisation>", "its id or name")
    .option("--json", "as JSON")
    .action((reference: string, flags: Flags) =>
      withAdmin(settings(flags), async (admin) => {
        const record = await admin.organisation(reference);
        const account = await admin.money.get({ kind: "organisation", id: record.id });
        show({ ...organisationView(record), ...moneyOf(account, json(flags)) }, json(flags));
      }),
    );
  addVerbs(organisations, { command, settings });
}

/** What needs no more than its name. */
function addVerbs(organisations: Command, { command, settings }: CommandTools): void {
  const json = (flags: Flags): boolean => flags["json"] === true;
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
