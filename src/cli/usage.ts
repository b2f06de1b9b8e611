import { InvalidArgumentError, Option, type Command } from "commander";
import { microsPerDollar } from "../model/account.ts";
import { checkInput, ledgerView, reportBy, sumsView, usageCsv, usageGroups, usageView } from "../service/admin.ts";
import type { AdminService } from "../service/admin.ts";
import { textOption, type CommandTools, type Flags } from "./command.ts";
import { given, wholeNumber } from "./keys.ts";
import { show, showList } from "./table.ts";
import { withAdmin } from "./with-admin.ts";

type ReportQuery = Parameters<AdminService["reports"]["usage"]>[0];
type PageQuery = Parameters<AdminService["reports"]["ledger"]>[0];

/** `parley usage`: what was used, by one or two groups. */
export function addUsage(program: Command, { command, settings }: CommandTools): void {
  // the words are completed; a pair of them is read with the rest
  const by = new Option("--by <groups>", "one line for each: one of the words, or two as organisation,model")
    .choices(usageGroups)
    .argParser((text: string) => text)
    .default("day");
  const usage = command(program, "usage", "report what was used").addOption(by);
  addFilter(usage)
    .option("--json", "as JSON")
    .option("--csv", "as comma-separated values")
    .action((flags: Flags) =>
      withAdmin(settings(flags), async (admin) => {
        const { by } = checkInput({ by: flags["by"] }, reportBy);
        const { rows, total } = await admin.reports.usage({ ...filter(flags), by });
        if (flags["csv"] === true) process.stdout.write(usageCsv(rows, by.length > 1));
        else if (flags["json"] === true) console.log(JSON.stringify(rows.map(usageView)));
        else {
          const sum = rows.length > 1 ? [{ group: "total", ...readable(sumsView(total)) }] : [];
          showList([...rows.map((row) => readable(usageView(row))), ...sum], false, "Nothing was used.");
        }
      }),
    );
}

/** `parley ledger ...`: single answers. */
export function addLedger(program: Command, { command, settings }: CommandTools): void {
  const ledger = program.command("ledger").description("single answers and what they used");
  addFilter(command(ledger, "list", "list answers, the newest first"))
    .option("--outcome <word>", "that ended so: stop, length, calls, canceled, upstream, ...")
    .option("--limit <number>", "at most this many, up to 1000", wholeNumber, 50)
    .option("--after <place>", "the page after the one that named this place")
    .option("--json", "as JSON")
    .action((flags: Flags) =>
      withAdmin(settings(flags), async (admin) => {
        const { rows, next } = await admin.reports.ledger(
          given<PageQuery>({
            ...filter(flags),
            outcome: textOption(flags, "outcome"),
            after: textOption(flags, "after"),
            limit: Math.min(1_000, Math.max(1, Number(flags["limit"]))),
          }),
        );
        const json = flags["json"] === true;
        if (json) console.log(JSON.stringify({ data: rows.map(ledgerView), next: next ?? null }));
        else
          showList(
            rows.map((row) => brief(ledgerView(row))),
            false,
            "No such answers.",
          );
        if (!json && next !== undefined) console.log(`\nMore: --after ${next}`);
      }),
    );
  command(ledger, "show", "show one answer by the id in its trace-id header")
    .argument("<request>", "the id")
    .option("--json", "as JSON")
    .action((request: string, flags: Flags) =>
      withAdmin(settings(flags), async (admin) =>
        show(
          readable(ledgerView(await admin.reports.request(request)), flags["json"] === true),
          flags["json"] === true,
        ),
      ),
    );
}

function addFilter(command: Command): Command {
  return command
    .option("--from <date>", "from this day or moment on (UTC)", moment)
    .option("--to <date>", "before this day or moment (UTC)", moment)
    .option("--key <key>", "of one key, by id or name")
    .option("--organisation <organisation>", "of one organisation, by id or name")
    .option("--model <name>", "of one model")
    .option("--answered-by <engine>", "answered by one engine, by its configured name");
}

/** The row as a person reads it: with dollars. */
function readable(row: Record<string, unknown>, json = false): Record<string, unknown> {
  if (json) return row;
  const { costMicros, ...shown } = row;
  return { ...shown, dollars: (Number(costMicros) / microsPerDollar).toFixed(6) };
}

/** What fits a terminal: when, whose, what, how it ended and what it cost. */
function brief(row: Record<string, unknown>): Record<string, unknown> {
  const { at, keyName, keyId, model, outcome, input, output, request } = row;
  const { dollars } = readable(row);
  return { at, key: keyName ?? keyId, model, outcome, input, output, dollars, request };
}

function filter(flags: Flags): Omit<ReportQuery, "by"> {
  const { from, to } = flags;
  return given<Omit<ReportQuery, "by">>({
    from: typeof from === "number" ? from : undefined,
    to: typeof to === "number" ? to : undefined,
    key: textOption(flags, "key"),
    organisation: textOption(flags, "organisation"),
    model: textOption(flags, "model"),
    engine: textOption(flags, "answeredBy"),
  });
}

function moment(text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new InvalidArgumentError("Must be a date such as 2026-11-01.");
  return time;
}
