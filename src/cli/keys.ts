import { resolve } from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import type { Config } from "../config/schema.ts";
import { commandName } from "../lib/command.ts";
import { systemIds } from "../model/id.ts";
import {
  accountView,
  keyView,
  openAdmin,
  type AdminService,
  type CreatedKey,
  type KeyInput,
} from "../service/admin.ts";
import { hasDatabase, openStore } from "../store/open.ts";
import { commandActor } from "./actor.ts";
import { textOption, type CommandTools, type Flags } from "./command.ts";
import { show, showList } from "./table.ts";

/** Opens the store, does one thing with it and closes it. A database that this makes is reported: it may be in the wrong folder. */
export async function withAdmin(config: Config, work: (admin: AdminService) => Promise<void>): Promise<void> {
  const staticKeys = config.apiKeys.map((key) => key.reveal());
  const url = config.store.url?.reveal();
  const isNew = url === undefined && !hasDatabase(config.data);
  const store = await openStore(config.data, url);
  if (isNew) {
    process.stderr.write(
      `parley: ${resolve(config.data)} held no data yet, and has a new database now. A server uses it only with this ` +
        "data folder (--data or PARLEY_DATA).\n",
    );
  }
  try {
    const admin = await openAdmin(store, systemIds, staticKeys);
    await admin.audit.as(commandActor(), () => work(admin));
  } finally {
    await store.close();
  }
}

/** `parley keys ...`. Changes apply at once to a server that runs on the same store. */
export function addKeys(program: Command, { command, settings }: CommandTools): void {
  const keys = program.command("keys").description("API keys");
  const create = command(keys, "create", "make a key and show it once").requiredOption(
    "--name <name>",
    "what it is for",
  );
  addFields(create).action((flags: Flags) =>
    withAdmin(settings(flags), async (admin) =>
      showKey(await admin.createKey({ ...fields(flags), name: String(flags["name"]) }), flags["json"] === true),
    ),
  );
  command(keys, "list", "list the keys")
    .option("--json", "as JSON")
    .action((flags: Flags) =>
      withAdmin(settings(flags), async (admin) => {
        const rows = (await admin.keys()).map(keyView);
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
      const { balanceMicros, budgetMicros, spentMicros } = accountView(
        await admin.account({ kind: "key", id: record.id }),
      );
      show({ ...keyView(record), balanceMicros, budgetMicros, spentMicros }, json);
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
  rotate: {
    description: "make a new key in the place of the old one, which stops working",
    work: async (admin, reference, json) => showKey(await admin.rotateKey(reference), json),
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
    .option("--organisation <id>", "the organisation it belongs to; none: to none")
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
