import type { Command } from "commander";
import { organisationView } from "../service/admin.ts";
import type { CommandTools, Flags } from "./command.ts";
import { limitsOf, wholeNumber } from "./keys.ts";
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
