/** Writes docs/clients.md from the table of clients: `node tools/clients-doc.ts`. A test holds the page against the table. */
import { writeFileSync } from "node:fs";
import type { Client } from "../src/cli/client/client.ts";
import { clients } from "../src/cli/client/clients.ts";
import { newText } from "../src/cli/client/merge.ts";
import { documentedServer } from "../src/cli/client/server.ts";

const server = documentedServer("http://127.0.0.1:8787/v1");

/** The page: the command, then one section a client. */
export function clientsPage(): string {
  return [
    "# Clients",
    "",
    "Made from the table in `src/cli/client/` by `node tools/clients-doc.ts`. `parley client NAME` prints the same for your own",
    "settings: address, models, their windows. `--write` shows what it changes in the client's files, keeps a copy of the earlier",
    "ones beside them, and leaves all else in them as it is. `--url` and `--model` choose another server and model.",
    "",
    "```sh",
    ...clients.map(({ name }) => `parley client ${name}`),
    "parley client codex --write",
    "```",
    "",
    `The key is read from the environment variable \`${server.keyVariable}\` and stands in no file.`,
    "",
    "Clients that are not listed (Cline, LangChain, Mastra and others) show `<think>` as a part of the answer, because they cannot send",
    "`reasoning_split`: serve them a name with `reasoningSplit: true` ([api-chat.md](api-chat.md)).",
    ...clients.flatMap(section),
    "",
  ].join("\n");
}

function section(client: Client): string[] {
  const files = (client.files?.(server) ?? []).flatMap((file) => [
    "",
    `\`~/${client.folder?.path ?? ""}/${file.name}\`:`,
    "",
    `\`\`\`${file.format}`,
    newText(file).trimEnd(),
    "```",
  ]);
  const code = client.code === undefined ? [] : ["", "```ts", client.code(server).trimEnd(), "```"];
  return [
    "",
    `## ${client.title}`,
    "",
    ...client.about,
    `Tried with: ${client.tried}.`,
    ...files,
    ...code,
    "",
    "```sh",
    ...client.commands(server),
    "```",
  ];
}

if (import.meta.main) writeFileSync(new URL("../docs/clients.md", import.meta.url), clientsPage());
