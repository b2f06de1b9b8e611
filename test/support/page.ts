import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The pages for users: README.md and docs/, and what stands in their fenced blocks. */

export const root = fileURLToPath(new URL("../../", import.meta.url));

export interface Block {
  /** The page, relative to the repository, and the line of the fence: `docs/files.md:58`. */
  place: string;
  page: string;
  /** Behind the opening fence; `""` where nothing stands there. */
  language: string;
  text: string;
}

export function pageBlocks(): Block[] {
  const pages = ["README.md", ...globSync("docs/*.md", { cwd: root })].map((path) => path.replaceAll("\\", "/"));
  return pages.toSorted().flatMap((page) => {
    const source = readFileSync(new URL(`../../${page}`, import.meta.url), "utf8");
    return [...source.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(({ index, 1: language = "", 2: text = "" }) => {
      return { place: `${page}:${source.slice(0, index).split("\n").length}`, page, language, text };
    });
  });
}

/** Whether a block holds commands: it says so, or says nothing and begins with one. */
export function isShell({ language, text }: Block): boolean {
  return language === "sh" || (language === "" && /^(?:\$ |parley |npm |npx |curl )/.test(text));
}

/**
 * The commands of a block, each with its continued lines and without a comment at its end. In a block with prompts (`$ `)
 * all other lines are output.
 */
export function commandsOf({ text }: Block): string[] {
  const hasPrompts = text.startsWith("$ ");
  const commands: string[] = [];
  let open: string | undefined;
  for (const line of text.split("\n")) {
    if (open === undefined && (line.trim() === "" || (hasPrompts && !line.startsWith("$ ")))) continue;
    const whole: string = open === undefined ? line.replace(/^\$ /, "") : `${open}\n${line}`;
    open = isWhole(whole) ? undefined : whole;
    if (open === undefined) commands.push(whole.replace(/\s+# [^'"\n]*$/, ""));
  }
  return open === undefined ? commands : [...commands, open];
}

/** No line is to follow: no backslash at its end, no quotation mark without its other one. */
function isWhole(command: string): boolean {
  const code = command.replaceAll(/'[^']*'|"(?:\\.|[^"\\])*"|\\[^\n]/g, "").replace(/#[^\n]*$/, "");
  return !command.endsWith("\\") && !/['"]/.test(code);
}
