/** The fast half of `npm run attack`: each row attacks a real server in a process of its own. */
import { afterAll, describe, expect, it } from "vitest";
import { allAttacks } from "./attacks.ts";
import { defaultSeed } from "./family/mutated.ts";
import { notYet } from "./not-yet.ts";
import { bounds, runAttack, Servers } from "./runner.ts";

const attacks = allAttacks(defaultSeed);
const servers = new Servers();
afterAll(() => servers[Symbol.asyncDispose]());

describe("an attack that takes nothing from others", () => {
  it.each(attacks.filter(({ fast = false, name }) => fast && notYet[name] === undefined))(
    "$name",
    { timeout: 3 * bounds.rowSeconds * 1000 },
    async (attack) => {
      const result = await runAttack(attack, servers);
      expect(result.broken.map(({ text }) => text)).toEqual([]);
    },
  );
});

describe("the list of attacks", () => {
  it("has each name once, and holds all that are not yet kept", () => {
    const names = attacks.map(({ name }) => name);
    expect(names.length).toBe(new Set(names).size);
    expect(Object.keys(notYet).filter((name) => !names.includes(name))).toEqual([]);
  });
});
