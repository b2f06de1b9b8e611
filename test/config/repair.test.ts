import { expect, it } from "vitest";
import { repairRules } from "../../src/config/engine-schema.ts";
import { repairRules as rows } from "../../src/engine/upstream/read/repair.ts";

it("names every repair rule of the upstream engine", () => {
  expect([...repairRules].toSorted()).toEqual(Object.keys(rows).toSorted());
});
