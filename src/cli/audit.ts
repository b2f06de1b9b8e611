import type { Command } from "commander";
import { auditView } from "../service/admin.ts";
import { textOption, type CommandTools, type Flags } from "./command.ts";
import { given, wholeNumber } from "./keys.ts";
import { showList } from "./table.ts";
import { withAdmin } from "./with-admin.ts";

/** `parley audit`: who changed which key, organisation or account. */
export function addAudit(program: Command, { command, settings }: CommandTools): void {
  command(program, "audit", "list what administrators changed, the newest first")
    .option("--target <target>", "only changes of key:ID or organisation:ID")
    .option("--actor <actor>", "only changes made by this one, as the list shows it")
    .option("--limit <number>", "most rows", wholeNumber, 50)
    .option("--after <place>", "the page after the one that named this place")
    .option("--json", "as JSON, with the place of the next page")
    .action((flags: Flags) =>
      withAdmin(settings(flags), async (admin) => {
        const [target, actor, after] = ["target", "actor", "after"].map((name) => textOption(flags, name));
        const query = given<Parameters<typeof admin.audit.page>[0]>({
          target,
          actor,
          after,
          limit: Number(flags["limit"]),
        });
        const { rows, next } = await admin.audit.page(query);
        if (flags["json"] === true) {
          console.log(JSON.stringify({ data: rows.map(auditView), next: next ?? null }));
          return;
        }
        showList(rows.map(auditView), false, "Nothing was changed.");
        if (next !== undefined) console.log(`\nMore: --after ${next}`);
      }),
    );
}
