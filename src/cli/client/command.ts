import { homedir } from "node:os";
import { join } from "node:path";
import { Option, type Command } from "commander";
import { addressOptions, baseUrl, textOption, type CommandTools, type Flags } from "../command.ts";
import type { Client, ClientFile, ClientServer } from "./client.ts";
import { clients } from "./clients.ts";
import { newText } from "./merge.ts";
import { changeLines, isChange, planChange, writeChange } from "./write.ts";

/** `parley client NAME`: the settings that make a client work with this server. */
export function addClients(program: Command, { command, settings }: CommandTools): void {
  const group = program.command("client").description("settings of client programs for this server");
  for (const client of clients) {
    const made = command(group, client.name, `settings of ${client.title}`);
    for (const option of addressOptions()) made.addOption(option);
    made
      .option("--url <url>", "base URL of the server, if it is not the one of these settings", baseUrl)
      .option("--model <name>", "the model it starts with")
      .option("--json", "as JSON");
    if (client.folder !== undefined)
      made.addOption(folderOption(client)).option("--write", "change its files, and show how");
    made.action(async (flags: Flags) => {
      const server = await serverOf(flags, settings);
      const folder = folderOf(client, { made, flags });
      if (flags["write"] === true) await write(client, { server, folder, json: flags["json"] === true });
      else if (flags["json"] === true) console.log(JSON.stringify(described(client, server, folder)));
      else console.log(screen(client, server, folder));
    });
  }
}

async function serverOf(flags: Flags, settings: CommandTools["settings"]): Promise<ClientServer> {
  const { configuredServer, documentedServer } = await import("./server.ts");
  const { model, ...given } = flags;
  const url = textOption(given, "url");
  const wanted = typeof model === "string" ? model : undefined;
  return url === undefined ? configuredServer(settings(given), wanted) : documentedServer(url, wanted);
}

function folderOption({ title, folder }: Client): Option {
  const option = new Option("--folder <path>", `where ${title} keeps its settings (default: ~/${folder?.path ?? ""})`);
  return folder?.variable === undefined ? option : option.env(folder.variable);
}

function folderOf({ folder }: Client, { made, flags }: { made: Command; flags: Flags }): string {
  const given = textOption(flags, "folder");
  if (given === undefined) return join(homedir(), folder?.path ?? "");
  return made.getOptionValueSource("folder") === "env" ? join(given, folder?.below ?? "") : given;
}

/** The text on the screen: each file with its content, the key, and the commands to go on with. */
export function screen(client: Client, server: ClientServer, folder: string): string {
  const files = (client.files?.(server) ?? []).map((file) => `# ${join(folder, file.name)}\n${newText(file)}`);
  const code = client.code === undefined ? [] : [`// answer.ts\n${client.code(server)}`];
  return [...client.about, "", ...files, ...code, keyLine(server), ...client.commands(server)].join("\n");
}

const keyLine = ({ keyVariable }: ClientServer): string => `export ${keyVariable}=...   # an API key of the server`;

function described(client: Client, server: ClientServer, folder: string): Record<string, unknown> {
  const files = client.files?.(server) ?? [];
  return {
    client: client.name,
    url: server.url,
    model: server.model.name,
    keyVariable: server.keyVariable,
    about: client.about,
    files: files.map((file) => ({ path: join(folder, file.name), text: newText(file) })),
    code: client.code?.(server) ?? null,
    commands: client.commands(server),
  };
}

interface Writing {
  server: ClientServer;
  folder: string;
  json: boolean;
}

/** Shows every change first; nothing is written where one of the files cannot be merged. */
async function write(client: Client, { server, folder, json }: Writing): Promise<void> {
  const files: readonly ClientFile[] = client.files?.(server) ?? [];
  const plans = await Promise.all(files.map((file) => planChange(file, join(folder, file.name))));
  const written: { path: string; backup: string | null }[] = [];
  for (const plan of plans.filter(isChange)) {
    if (!json) console.log([plan.path, ...changeLines(plan), ""].join("\n"));
  }
  for (const plan of plans.filter(isChange)) {
    written.push({ path: plan.path, backup: (await writeChange(plan, new Date())) ?? null });
  }
  if (json) {
    console.log(JSON.stringify({ client: client.name, written }));
    return;
  }
  if (written.length === 0) console.log(`Nothing to change: ${client.title} is set up for ${server.url}.`);
  for (const { path, backup } of written)
    console.log(`Wrote ${path}${backup === null ? "" : `; the earlier one is ${backup}`}`);
  console.log(["", keyLine(server), ...client.commands(server)].join("\n"));
}
