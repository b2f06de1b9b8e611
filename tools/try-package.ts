/**
 * Packs what was built and installs it as its users do: into an empty folder, with `npm install --global`, and through npx.
 * Each installed command must answer, the folder stay under 60 MB, and no `node` be put into its `.bin`. Needs the npm
 * registry; without it this says so and ends.
 */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An installation takes ten seconds; one that takes this long waits for a registry that it cannot reach. */
const longestMs = 90_000;
const mostBytes = 60_000_000;
/** What a file takes at least on most disks. */
const blockBytes = 4096;
const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNRESET|ECONNREFUSED|ETIMEDOUT|ERR_SOCKET|E50\d|E429|CERT|UNABLE_TO/;
/** A request of the registry that hangs is asked again, not waited for. */
const patience = ["--fetch-timeout=30000", "--fetch-retries=3", "--no-audit", "--no-fund"];
const folder = mkdtempSync(join(tmpdir(), "parley-package-"));
const empty = join(folder, "empty");
const prefix = join(folder, "global");

/** Runs a command; its standard output. Throws `Error` with what it wrote where it fails. */
function run(command: string, args: readonly string[], cwd: string): string {
  // the settings of npm's own run, such as its prefix, are not those of a user
  const environment = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  const env = { ...Object.fromEntries(environment), PARLEY_DATA: join(folder, "data") };
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env,
    encoding: "utf8",
    timeout: longestMs,
  });
  if (status !== 0)
    throw new Error(`${command} ${args.join(" ")}: status ${status} ${error?.message ?? ""}\n${stdout}${stderr}`);
  return stdout;
}

function check(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(what);
  process.stdout.write(`ok  ${what}\n`);
}

function tryPackage(): void {
  // asked once, without the patience of an installation: this Node may not know the certificate of a proxy
  run("npm", ["view", "fastify", "version", "--prefer-online", "--fetch-retries=0", "--fetch-timeout=20000"], folder);
  const tarball = join(folder, run("npm", ["pack", "--silent", "--pack-destination", folder], process.cwd()).trim());
  mkdirSync(empty);
  writeFileSync(join(empty, "package.json"), '{"type":"module"}');
  run("npm", ["install", ...patience, tarball], empty);
  const files = globSync("node_modules/**", { cwd: empty, withFileTypes: true }).filter((entry) => entry.isFile());
  const onDisk = (path: string): number => Math.ceil(statSync(path).size / blockBytes) * blockBytes;
  const bytes = files.reduce((sum, { parentPath, name }) => sum + onDisk(join(parentPath, name)), 0);
  check(bytes < mostBytes, `${(bytes / 1e6).toFixed(1)} MB are installed, less than ${mostBytes / 1e6}`);
  check(!existsSync(join(empty, "node_modules/.bin/node")), "no node in node_modules/.bin");
  const ask = ["chat", "--engine", "sim", "Say: hi"];
  check(run(join(empty, "node_modules/.bin/parley"), ask, empty).includes("hi"), "the installed command answers");
  const source =
    'const { startParley } = await import("@parley-ai/parley/testing"); await (await startParley()).stop();';
  run(process.execPath, ["--input-type=module", "-e", source], empty);
  check(true, "a test can start it");
  run("npm", ["install", ...patience, "--global", "--prefix", prefix, tarball], folder);
  check(run(join(prefix, "bin", "parley"), ask, folder).includes("hi"), "the global command answers");
  check(run("npx", ["--yes", "--package", tarball, "parley", ...ask], folder).includes("hi"), "npx answers");
}

try {
  tryPackage();
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  const away = unreachable.test(reason);
  process.stdout.write(away ? "skipped: the npm registry cannot be reached\n" : `${reason}\n`);
  process.exitCode = away ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
