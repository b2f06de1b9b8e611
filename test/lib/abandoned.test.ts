import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { deleteAbandoned } from "../../src/lib/abandoned.ts";
import { ownedName } from "../../src/lib/owner.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "parley-abandoned-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const options = { prefix: "mine-", unchangedMs: 1_000 };

it("goes when its process is gone, whatever it is, and stays while its process runs", async () => {
  const [machine, , start] = ownedName().split("-");
  const gone = (random: string): string => `mine-${machine}-4194304-${start}-${random}`;
  const own = `mine-${ownedName()}`;
  mkdirSync(join(folder, gone("aa")));
  writeFileSync(join(folder, gone("aa"), "video"), "x");
  writeFileSync(join(folder, gone("bb")), "x");
  mkdirSync(join(folder, "target"));
  writeFileSync(join(folder, "target", "kept"), "x");
  symlinkSync(join(folder, "target"), join(folder, gone("cc")));
  mkdirSync(join(folder, own));
  await deleteAbandoned(folder, { ...options, now: Date.now() + 10_000_000 });
  expect(readdirSync(folder).toSorted()).toEqual([own, "target"].toSorted());
  expect(readdirSync(join(folder, "target"))).toEqual(["kept"]);
});

it("of another machine goes when it was not changed for long; other names are left alone", async () => {
  for (const name of ["mine-old", "mine-new", "other"]) {
    writeFileSync(join(folder, name), "x");
    utimesSync(join(folder, name), 1_000, name === "mine-new" ? 2_000 : 1_000);
  }
  await deleteAbandoned(folder, { ...options, now: 2_000_500 });
  expect(readdirSync(folder).toSorted()).toEqual(["mine-new", "other"]);
  await expect(deleteAbandoned(join(folder, "none"), { ...options, now: 0 })).resolves.toBeUndefined();
});
