import type { Command, Option } from "commander";
import { allCommands, pathOf } from "./help.ts";

/** A command as shells complete it. */
interface Place {
  /** `parley keys create` */
  path: string;
  /** Commands of this group, with their sentences. */
  commands: [name: string, description: string][];
  options: [name: string, description: string][];
  /** Words that an option takes, by its name. */
  values: [option: string, words: readonly string[]][];
}

/** `parley completion bash | zsh | fish`. */
export function addCompletion(program: Command): void {
  const group = program.command("completion").description("scripts that complete commands and options in a shell");
  for (const [shell, write] of Object.entries(scripts)) {
    group
      .command(shell)
      .description(`print the script for ${shell}; it completes the installed command, parley`)
      .action(() => {
        process.stdout.write(write(placesOf(program)));
      });
  }
}

function placesOf(program: Command): Place[] {
  return [program, ...allCommands(program)].map((command) => {
    const options = command.options.filter(({ hidden }) => !hidden);
    return {
      path: `parley ${pathOf(command)}`.trim(),
      commands: command.commands.map((one): [string, string] => [one.name(), one.description()]),
      options: [...options.map((one): [string, string] => [nameOf(one), one.description]), ["--help", "show the help"]],
      values: options.flatMap((one): Place["values"] => (one.argChoices ? [[nameOf(one), one.argChoices]] : [])),
    };
  });
}

const nameOf = ({ long, short }: Option): string => long ?? short ?? "";
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
/** Words of the places that hold some, in the patterns of a shell's `case`. */
const cases = (places: readonly Place[], body: (place: Place) => string | undefined): string[] =>
  places.flatMap((place) => {
    const text = body(place);
    return text === undefined ? [] : [`    ${quoted(place.path)}) ${text} ;;`];
  });
/** Finds the command that is being typed: of the words so far those that are commands of the one before. */
const walk = (places: readonly Place[]): string[] => [
  `    case "$path $word" in`,
  `      ${places
    .slice(1)
    .map(({ path }) => quoted(path))
    .join("|")}) path="$path $word" ;;`,
  "    esac",
];

const scripts: Readonly<Record<string, (places: Place[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

function bashScript(places: Place[]): string {
  const words = ({ commands, options }: Place): string => [...commands, ...options].map(([name]) => name).join(" ");
  return [
    "_parley() {",
    '  local path=parley word words="" current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    ...walk(places),
    "  done",
    '  case "$path $before" in',
    ...places.flatMap(({ path, values }) =>
      values.map(([option, list]) => `    ${quoted(`${path} ${option}`)}) words=${quoted(list.join(" "))} ;;`),
    ),
    "  esac",
    '  [ -n "$words" ] || case "$path" in',
    ...cases(places, (place) => `words=${quoted(words(place))}`),
    "  esac",
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    "}",
    "complete -o default -F _parley parley",
    "",
  ].join("\n");
}

function zshScript(places: Place[]): string {
  const list = (entries: readonly (readonly [string, string])[]): string =>
    entries.map(([name, text]) => quoted(`${name.replaceAll(":", "\\:")}:${text}`)).join(" ");
  return [
    "#compdef parley",
    "_parley() {",
    "  local path=parley word",
    "  local -a entries",
    '  for word in "${(@)words[2,CURRENT-1]}"; do',
    ...walk(places),
    "  done",
    '  case "$path ${words[CURRENT-1]}" in',
    ...places.flatMap(({ path, values }) =>
      values.map(([option, list]) => `    ${quoted(`${path} ${option}`)}) compadd -- ${list.join(" ")}; return ;;`),
    ),
    "  esac",
    '  case "$path" in',
    ...cases(places, (place) => `entries=(${list([...place.commands, ...place.options])})`),
    "  esac",
    "  _describe parley entries || _files",
    "}",
    // sourced, or loaded by name from a folder of fpath
    'if [ "$funcstack[1]" = "_parley" ]; then _parley "$@"; else compdef _parley parley; fi',
    "",
  ].join("\n");
}

function fishScript(places: Place[]): string {
  const line = ({ path, options, commands, values }: Place): string[] => {
    const condition = `-n ${quoted(`test (__parley_path) = ${JSON.stringify(path)}`)}`;
    const choices = new Map(values);
    return [
      ...commands.map(([name, text]) => `complete -c parley ${condition} -f -a ${name} -d ${quoted(text)}`),
      ...options.map(([name, text]) => {
        const words = choices.get(name);
        const value = words === undefined ? "" : ` -x -a ${quoted(words.join(" "))}`;
        return `complete -c parley ${condition} -l ${name.replace(/^-+/, "")}${value} -d ${quoted(text)}`;
      }),
    ];
  };
  return [
    "function __parley_path",
    "  set -l path parley",
    "  for word in (commandline -opc)[2..-1]",
    '    switch "$path $word"',
    `      case ${places
      .slice(1)
      .map(({ path }) => quoted(path))
      .join(" ")}`,
    '        set path "$path $word"',
    "    end",
    "  end",
    "  echo $path",
    "end",
    ...places.flatMap(line),
    "",
  ].join("\n");
}
