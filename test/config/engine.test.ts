import { expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { Secret } from "../../src/lib/secret.ts";

const upstream = (settings: object): unknown =>
  loadConfig({ environment: {}, flags: { engines: { a: { kind: "upstream", ...settings } } } }).engines["a"];

it("gives an upstream's settings the form its engine takes", () => {
  expect(upstream({ url: "http://a/v1" })).toEqual({
    kind: "upstream",
    url: [{ url: "http://a/v1", weight: 1 }],
    dialect: "generic",
    mode: "chat",
    replicas: { affinity: true, failures: 3, cooldownMs: 2_000, probeMs: 5_000 },
    timeouts: { connect: 10_000, firstByte: 300_000, idle: 120_000, total: 3_600_000 },
    markup: { think: {} },
    repair: {},
  });
  const full = {
    url: ["http://a/v1", "http://b/v1"],
    weights: [3, 1],
    key: "secret-1",
    family: "m2",
    affinity: false,
    replicas: { attempts: 3, failures: 5, cooldown: 0.5, probeInterval: 0 },
    timeouts: { connect: 0.5, total: 60 },
    think: ["think"],
    startsInside: true,
    calls: "m2",
    repairOff: ["call-id", "finish-late"],
  };
  expect(upstream(full)).toMatchObject({
    url: [
      { url: "http://a/v1", weight: 3 },
      { url: "http://b/v1", weight: 1 },
    ],
    key: new Secret("secret-1"),
    family: "m2",
    replicas: { affinity: false, attempts: 3, failures: 5, cooldownMs: 500, probeMs: 0 },
    timeouts: { connect: 500, firstByte: 300_000, idle: 120_000, total: 60_000 },
    markup: { think: { tags: ["think"], startsInside: true }, calls: "m2" },
    repair: { "call-id": false, "finish-late": false },
  });
});

it.each([
  [{ repairOff: ["call-idd"] }, /^engines\.a\.repairOff\.0 \(from --engines\): found "call-idd"; allowed are inline-/],
  [{ dialect: "vlm" }, /^engines\.a\.dialect \(from --engines\): found "vlm"; allowed are generic, .*auto$/],
  [{ weights: [1, 2] }, /^engines\.a\.weights \(from --engines\): found \[1,2\]; one weight for each base URL$/],
  [{ timeouts: { idle: 0 } }, /^engines\.a\.timeouts\.idle \(from --engines\): found 0; must be more than 0$/],
  [{ tiemouts: {} }, /^engines\.a\.tiemouts: unknown setting/],
])("refuses %j by name", (settings, message) => {
  expect(() => upstream({ url: "http://a/v1", ...settings })).toThrow(message);
});
