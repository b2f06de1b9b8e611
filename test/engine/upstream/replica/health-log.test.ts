import { expect, it } from "vitest";
import { HealthLog } from "../../../../src/engine/upstream/replica/health-log.ts";
import { plainError } from "../../../../src/model/error.ts";

it.each([
  ["the code of the network", Object.assign(new Error("connect"), { code: "ECONNREFUSED" }), "ECONNREFUSED"],
  [
    "the status of an answer",
    plainError("upstream", "m", { cause: Object.assign(new Error("c"), { status: 500 }) }),
    "status 500",
  ],
  ["words where a deadline passed", new DOMException("it took too long", "TimeoutError"), "it took too long"],
])("shows as reason %s", (_, error, reason) => {
  const log = new HealthLog(undefined);
  log.down("a", error);
  expect(log.reason("a")).toBe(reason);
});
