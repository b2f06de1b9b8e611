import { InvalidArgumentError, type Command } from "commander";
import { commandName } from "../lib/command.ts";
import { systemIds } from "../model/id.ts";
import {
  checkInput,
  keyView,
  rotationBody,
  type AdminService,
  type CreatedKey,
  type KeyInput,
} from "../service/admin.ts";
import { textOption, type CommandTools, type Flags } from "./command.ts";
import { budgetOptions, budgetsOf, moneyOf } from "./money.ts";
import { show, showList } from "./table.ts";
import { withAdmin } from "./with-admin.ts";

/** `parley keys ...`. Changes apply at once to a server that runs on the same store. */
export function addKeys(program: Command, { command, settings }: CommandTools): void {
  const keys = program.command("keys").description("API keys");
  const create = command(keys, "create", "make a key and show it once").requiredOption(
    "--name <name>",
    "what it is for",
  );
  addFields(budgetOptions(create)).action((flags: Flags) =>
    withAdmin(settings(flags), async (admin) => {
      const budgets = budgetsOf(flags);
      const input = { ...fields(flags), name: String(flags["name"]), ...(budgets !== undefined && { budgets }) };
      showKey(await admin.createKey(input), flags["json"] === true);
    }),
  );
  command(keys, "list", "list the keys")
    .option("--organisation <organisation>", "of one organisation, by id or name")
    .option("--owner <text>", "of one owner")
    .option("--tag <text>", "with a tag")
    .option("--json", "as JSON")
    .action((flags: Flags) =>
      withAdmin(settings(flags), async (admin) => {
        const filter = { organisation: textOption(flags, "organisation"), owner: textOption(flags, "owner") };
        const rows = (await admin.keysOf(given({ ...filter, tag: textOption(flags, "tag") }))).map(keyView);
        const json = flags["json"] === true;
        showList(json ? rows : rows.map(short), json, `No keys yet. ${commandName} keys create --name NAME makes one.`);
      }),
    );
  const change = command(keys, "change", "change what a key may do").argument("<key>", "its id or name");
  const named = change.option("--name <name>", "what it is for").option("--no-limits", "take its own limits away");
  addFields(named).action((reference: string, flags: Flags) =>
    withAdmin(settings(flags), async (admin) => {
      const before = flags["limits"] === false ? {} : (await admin.key(reference)).limits;
      const input = {
        ...fields(flags),
        ...given({ name: textOption(flags, "name") }),
        limits: { ...before, ...limitsOf(flags) },
      };
      show(keyView(await admin.changeKey(reference, input)), flags["json"] === true);
    }),
  );
  command(keys, "rotate", "make a new key in the place of the old one, which stops working at once or after a time")
    .argument("<key>", "its id or name")
    .option("--overlap <time>", "how long the old one works too, such as 24h or 7d")
    .option("--json", "as JSON")
    .action((reference: string, flags: Flags) =>
      withAdmin(settings(flags), async (admin) => {
        const { overlap } = checkInput(given({ overlap: textOption(flags, "overlap") }), rotationBody);
        showKey(await admin.rotateKey(reference, overlap), flags["json"] === true);
      }),
    );
  for (const [name, verb] of Object.entries(verbs)) {
    command(keys, name, verb.description)
      .argument("<key>", "its id or name")
      .option("--json", "as JSON")
      .action((reference: string, flags: Flags) =>
        withAdmin(settings(flags), (admin) => verb.work(admin, reference, flags["json"] === true)),
      );
  }
}

interface Verb {
  description: string;
  work(admin: AdminService, reference: string, json: boolean): Promise<void>;
}

const verbs: Readonly<Record<string, Verb>> = {
  show: {
    description: "show one key",
    work: async (admin, reference, json) => {
      const record = await admin.key(reference);
      const account = await admin.money.get({ kind: "key", id: record.id });
      show({ ...keyView(record), ...moneyOf(account, json) }, json);
    },
  },
  disable: {
    description: "stop a key from working, until it is enabled again",
    work: async (admin, reference, json) => show(keyView(await admin.changeKey(reference, { disabled: true })), json),
  },
  enable: {
    description: "let a disabled key work again",
    work: async (admin, reference, json) => show(keyView(await admin.changeKey(reference, { disabled: false })), json),
  },
  delete: {
    description: "delete a key; what it used stays in the reports",
    work: async (admin, reference, json) => show({ id: (await admin.deleteKey(reference)).id, deleted: true }, json),
  },
};

function showKey({ key, record }: CreatedKey, json: boolean): void {
  if (json) console.log(JSON.stringify({ ...keyView(record), key }));
  else console.log(`${key}\n\nOnly its hash is kept: the key is not shown again.`);
}

/** A row for people: what a key is called, whether it works, until when; the rest is in `keys show` and in JSON. */
function short(row: ReturnType<typeof keyView>): Record<string, unknown> {
  const { id, name, owner, disabled, expiresAt, lastUsedAt } = row;
  const expired = typeof expiresAt === "string" && Date.parse(expiresAt) <= systemIds.now();
  const state = disabled === true ? "disabled" : expired ? "expired" : "active";
  return { name, id, owner, state, expires: day(expiresAt), lastUsed: day(lastUsedAt) };
}

/** The day of an ISO time. */
function day(time: unknown): string {
  return typeof time === "string" ? time.slice(0, "2026-11-28".length) : "";
}

function addFields(command: Command): Command {
  return command
    .option("--owner <text>", "the owner, in your own words")
    .option("--organisation <organisation>", "the organisation it belongs to, by id or name; none: to none")
    .option("--tag <text...>", "tags")
    .option("--model <name...>", "models it may use; all: every model")
    .option("--range <cidr...>", "addresses it may be used from; all: everywhere")
    .option("--expires <time>", "a date, a number of days such as 30d, or never", expiry)
    .option("--requests-per-minute <number>", "its own limit", wholeNumber)
    .option("--tokens-per-minute <number>", "its own limit", wholeNumber)
    .option("--streams <number>", "concurrent answers", wholeNumber)
    .option("--json", "as JSON");
}

function fields(flags: Flags): KeyInput {
  const { tag, model, range, expires } = flags;
  const organisation = textOption(flags, "organisation");
  const limits = limitsOf(flags);
  return given<KeyInput>({
    owner: textOption(flags, "owner"),
    organisation: organisation === "none" ? null : organisation,
    tags: Array.isArray(tag) ? tag.map(String) : undefined,
    models: Array.isArray(model) ? listOrAll(model) : undefined,
    ranges: Array.isArray(range) ? listOrAll(range) : undefined,
    expiresAt: expires === "never" ? null : typeof expires === "number" ? expires : undefined,
    limits: Object.keys(limits).length === 0 ? undefined : limits,
  });
}

/** Only the fields that have a value. */
export function given<T extends object>(fields: { [Name in keyof T]?: T[Name] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** The limits among the flags. */
export function limitsOf(flags: Flags): NonNullable<KeyInput["limits"]> {
  const names = ["requestsPerMinute", "tokensPerMinute", "streams"];
  const given = names.filter((name) => typeof flags[name] === "number");
  return Object.fromEntries(given.map((name) => [name, Number(flags[name])]));
}

function listOrAll(list: readonly unknown[]): string[] | null {
  return list.length === 1 && list[0] === "all" ? null : list.map(String);
}

/** A whole number of an option; its bounds are the schema's. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("Must be a whole number.");
  return Number(text);
}

/** Not `null` for never: the option parser takes that for an option without a value. */
function expiry(text: string): number | "never" {
  if (text === "never") return text;
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  const time = days === undefined ? Date.parse(text) : systemIds.now() + Number(days) * 86_400_000;
  if (Number.isNaN(time)) throw new InvalidArgumentError("Must be a date such as 2027-01-31, or 30d, or never.");
  return time;
}
