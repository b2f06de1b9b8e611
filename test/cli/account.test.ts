import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Workplace } from "./command.ts";

const place = new Workplace();
// the first command reports that it makes a database
beforeAll(() => place.run(["keys", "list"]));
afterAll(() => place.stop());

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await place.run([...args, "--json"]);
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe("parley keys", { timeout: 120_000 }, () => {
  it("makes, shows, changes, stops, renews and deletes a key", async () => {
    const made = await json("keys", "create", "--name", "ci", "--tag", "a", "b", "--expires", "30d", "--streams", "2");
    expect(made).toMatchObject({ name: "ci", tags: ["a", "b"], limits: { streams: 2 }, disabled: false });
    expect(made["key"]).toMatch(/^sk-parley-[0-9a-f]{40}$/);
    const days = (Date.parse(String(made["expiresAt"])) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(29.9);
    expect(days).toBeLessThan(30.1);
    expect(await json("keys", "disable", "ci")).toMatchObject({ id: made["id"], disabled: true });
    const changed = await json(
      "keys",
      "change",
      "ci",
      "--requests-per-minute",
      "5",
      "--model",
      "MiniMax-M3",
      "--expires",
      "never",
    );
    expect(changed).toMatchObject({
      limits: { streams: 2, requestsPerMinute: 5 },
      models: ["MiniMax-M3"],
      expiresAt: null,
      disabled: true,
    });
    expect(await json("keys", "change", "ci", "--no-limits", "--model", "all")).toMatchObject({
      limits: {},
      models: null,
    });
    expect((await place.run(["keys", "create", "--name", "ci"])).stderr).toContain("another key has the name 'ci'");
    const renewed = await json("keys", "rotate", "ci", "--overlap", "24h");
    expect(Date.parse(String(renewed["oldSecretUntil"]))).toBeGreaterThan(Date.now());
    expect(renewed["id"]).toBe(made["id"]);
    expect(renewed["key"]).not.toBe(made["key"]);
    expect(JSON.stringify(await json("keys", "show", "ci"))).not.toContain("hash");
    expect(await json("keys", "list")).toMatchObject([{ name: "ci" }]);
    expect(await json("keys", "delete", "ci")).toEqual({ id: made["id"], deleted: true });
    expect((await place.run(["keys", "list"])).stdout).toContain("No keys yet");
  });

  it.each([
    [["keys", "create"], 2, "--name"],
    [["keys", "create", "--name", "a", "--streams", "none"], 2, "whole number"],
    [["keys", "create", "--name", "a", "--expires", "soon"], 2, "2027-01-31"],
    [["keys", "create", "--name", "a", "--expires", "2020-01-01"], 2, "expiresAt: must be in the future"],
    [["keys", "create", "--name", "a", "--organisation", "nobody"], 2, "no organisation has the id or name 'nobody'"],
    [["keys", "rotate", "a", "--overlap", "soon"], 2, "24h"],
    [["keys", "create", "--name", "a", "--range", "10.0.0.0/99"], 2, "ranges[0]"],
    [["keys", "show", "nobody"], 1, "no key 'nobody'"],
    [["money", "credit", "1.2345678", "--key", "a"], 2, "12.50"],
    [["money", "budget", "5"], 2, "a key or an organisation"],
    [["usage", "--by", "colour"], 2, "by: must be one or two of key, owner, tag"],
    [["ledger", "show", "nothing"], 1, "no request 'nothing'"],
    [["ledger", "list", "--after", "x"], 2, "after"],
  ] as const)("says what is wrong with %j", async (args, code, said) => {
    const ended = await place.run(args);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain(said);
  });
});

describe("parley organisations, money and usage", { timeout: 120_000 }, () => {
  it("keep tenants, what they may spend, and tell what was used", async () => {
    const team = await json("organisations", "create", "--name", "team", "--streams", "9");
    expect(team).toMatchObject({ name: "team", limits: { streams: 9 } });
    expect(await json("organisations", "disable", "team")).toMatchObject({ disabled: true });
    expect(await json("organisations", "enable", "team")).toMatchObject({ disabled: false });
    const subject = `organisation:${String(team["id"])}`;
    expect(await json("money", "credit", "12.5", "--organisation", "team")).toMatchObject({
      subject,
      balanceMicros: 12_500_000,
    });
    expect(await json("money", "budget", "100", "--organisation", "team")).toMatchObject({ budgetMicros: 100_000_000 });
    expect((await json("money", "list")) as unknown as unknown[]).toContainEqual(
      expect.objectContaining({ subject, balanceMicros: 12_500_000, spentMicros: 0 }),
    );
    expect(await json("money", "budget", "2.5", "--organisation", "team", "--period", "day")).toMatchObject({
      name: "team",
      budgets: [
        { period: "day", budgetMicros: 2_500_000, from: "account" },
        { period: "month", budgetMicros: 100_000_000 },
      ],
    });
    const table = (await place.run(["money", "list"])).stdout;
    expect(table).toMatch(/organisation +team +12\.5 +day +2\.5 +0 +\d{4}-\d\d-\d\d +account/);
    expect(await json("money", "balance", "none", "--organisation", "team")).toMatchObject({ balanceMicros: null });
    expect(await json("usage")).toEqual([]);
    expect(await json("usage", "--by", "organisation,model", "--organisation", "team")).toEqual([]);
    expect(await json("ledger", "list", "--key", "nobody", "--outcome", "stop")).toEqual({ data: [], next: null });
    expect((await place.run(["usage", "--csv"])).stdout).toBe(
      "group,name,requests,failed,canceled,input,cached,output,reasoning,costMicros\r\n",
    );
    expect(await json("organisations", "delete", "team")).toEqual({ id: team["id"], deleted: true });
    expect(await json("organisations", "list")).toEqual([]);
  });

  it("change and show an organisation, and make a key of it with a budget", async () => {
    const team = await json("organisations", "create", "--name", "second", "--streams", "9");
    expect(await json("organisations", "change", "second", "--requests-per-minute", "5")).toMatchObject({
      limits: { streams: 9, requestsPerMinute: 5 },
    });
    expect(await json("organisations", "show", "second")).toMatchObject({
      name: "second",
      budgetMicros: null,
      budgets: [],
    });
    const held = await json(
      "keys",
      "create",
      "--name",
      "held",
      "--organisation",
      "second",
      "--budget",
      "2.5",
      "--period",
      "week",
    );
    expect(held).toMatchObject({ organisation: team["id"] });
    expect(await json("keys", "show", "held")).toMatchObject({
      budgets: [{ period: "week", budgetMicros: 2_500_000 }],
    });
    expect(await json("keys", "list", "--organisation", "second")).toMatchObject([{ name: "held" }]);
    await json("keys", "delete", "held");
    await json("organisations", "delete", "second");
  });
});
