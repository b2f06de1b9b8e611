/**
 * Adds to package-lock.json the optional platform packages that npm left out.
 *
 * npm records an optional platform package only if the registry at hand can resolve it. A mirror that lacks, say, the
 * macOS builds then yields a lock that `npm ci` refuses ("Missing: ... from lock file") and that would hide those builds
 * from the people who need them. Every missing name is exact-versioned in its parent, so the entry can be written down
 * without asking a registry. Run by `npm run lock`, after every change of a dependency.
 */
import { readFileSync, writeFileSync } from "node:fs";

interface LockEntry {
  version?: string;
  integrity?: string;
  /** A folder of this repository. */
  link?: boolean;
  cpu?: string[];
  os?: string[];
  libc?: string[];
  dev?: boolean;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
}

interface Lock {
  packages: Record<string, LockEntry>;
}

/** First word of a platform name that says so wins; the order matters only for `arm` before `arm64`. */
const SYSTEMS: Record<string, string> = { mac: "darwin", win: "win32", windows: "win32" };
const PROCESSORS: Record<string, string> = { armv7l: "arm", wasm32: "wasm32" };
const KNOWN_SYSTEMS = new Set([
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
]);
const KNOWN_PROCESSORS = new Set([
  "arm",
  "arm64",
  "ia32",
  "loong64",
  "mips64el",
  "ppc64",
  "riscv64",
  "s390x",
  "wasm32",
  "x64",
]);

const path = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8")) as Lock;
const overrides = readOverrides();
const added: string[] = [];

for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    if (lock.packages[key] !== undefined || overrides.has(name) || !/^\d/.test(version)) continue;
    lock.packages[key] = entryFor(name, version, parent.dev === true);
    added.push(name);
  }
}

if (added.length > 0) {
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
}
process.stdout.write(`${added.length} platform packages added to the lock\n`);
const unproved = Object.entries(lock.packages).filter(
  ([key, { integrity, link }]) => key.startsWith("node_modules/") && link !== true && integrity === undefined,
);
for (const [key] of unproved)
  process.stdout.write(`${key} has no integrity: npm checks nothing of what it downloads\n`);

function readOverrides(): Set<string> {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    overrides?: Record<string, string>;
  };
  return new Set(Object.keys(manifest.overrides ?? {}));
}

/** Reads system and processor out of a name such as `@oxfmt/binding-linux-arm64-musl`; a name that tells neither is an error. */
function entryFor(name: string, version: string, dev: boolean): LockEntry {
  const words = (name.split("/").pop() ?? name).split("-");
  const system = words.map((word) => SYSTEMS[word] ?? word).find((word) => KNOWN_SYSTEMS.has(word));
  const processor = words.map((word) => PROCESSORS[word] ?? word).find((word) => KNOWN_PROCESSORS.has(word));
  if (processor === undefined || (system === undefined && processor !== "wasm32"))
    throw new Error(`No platform in the name ${name}`);
  return {
    version,
    cpu: [processor],
    ...(dev ? { dev: true } : {}),
    optional: true,
    ...(system === undefined ? {} : { os: [system] }),
    ...(words.includes("musl") ? { libc: ["musl"] } : {}),
  };
}
