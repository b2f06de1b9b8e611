import { expect, it } from "vitest";
import { ParleyError } from "../../src/model/error.ts";
import { Readiness } from "../../src/service/readiness.ts";

const replica = (up: boolean) => ({ name: "r", up, running: 0 });
const upstream = (...ups: boolean[]) => ({ members: () => ups.map(replica) });
const works = { check: () => Promise.resolve() };

type Engines = Record<string, [opened: string, engine: { members?: () => ReturnType<typeof replica>[] }]>;

function of(engines: Engines, store = works): Readiness {
  const rows = Object.entries(engines);
  return new Readiness({
    store,
    opened: new Map(rows.map(([name, [opened]]) => [name, opened])),
    engines: () => new Map(rows.map(([name, [, engine]]) => [name, engine])),
  });
}

const cases: readonly [what: string, engines: Engines, ready: boolean, states: string[]][] = [
  ["every engine answers", { a: ["ready", {}], b: ["ready", upstream(false, true)] }, true, ["ready", "ready"]],
  [
    "no replica of one engine answers",
    { a: ["ready", {}], b: ["ready", upstream(false, false)] },
    true,
    ["ready", "down"],
  ],
  ["no replica of the only engine answers", { a: ["ready", upstream(false)] }, false, ["down"]],
  ["an engine is loading", { a: ["ready", {}], b: ["loading", upstream(true)] }, false, ["ready", "loading"]],
  ["an engine cannot be opened", { a: ["ready", {}], b: ["failed", {}] }, false, ["ready", "failed"]],
];

it.each(cases)("where %s", async (_what, engines, ready, states) => {
  const report = await of(engines).report();
  expect([report.ready, report.store, Object.values(report.engines)]).toEqual([ready, "ready", states]);
});

it("is not ready while the store cannot be read, and asks it once for all who ask at the same time", async () => {
  let checks = 0;
  const check = async (): Promise<void> => {
    checks += 1;
    throw new ParleyError("unavailable", "away");
  };
  const readiness = of({ a: ["ready", {}] }, { check });
  const reports = await Promise.all(Array.from({ length: 20 }, () => readiness.report()));
  expect(reports[0]).toEqual({ ready: false, store: "failed", engines: { a: "ready" } });
  expect(checks).toBe(1);
});

it("does not wait for a store that does not answer", { timeout: 10_000 }, async () => {
  const readiness = of({ a: ["ready", {}] }, { check: () => new Promise(() => undefined) });
  expect(await readiness.report()).toMatchObject({ ready: false, store: "failed" });
});
