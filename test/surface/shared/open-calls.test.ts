import fc from "fast-check";
import { expect, test } from "vitest";
import { OpenCalls } from "../../../src/surface/shared/open-calls.ts";

test("an id that is called twice needs two results, and is named by its last place", () => {
  const open = new OpenCalls();
  open.call("a", "messages[1]");
  open.call("b", "messages[1]");
  open.call("a", "messages[2]");
  expect(open.result("a")).toBe(true);
  expect(open.first).toMatchObject({ id: "a", path: "messages[2]" });
  expect(open.result("a")).toBe(true);
  expect(open.result("a")).toBe(false);
  expect(open.first?.id).toBe("b");
});

test("an id that comes again after its result waits behind those that were open before", () => {
  const open = new OpenCalls();
  open.call("a");
  open.call("b");
  open.result("a");
  open.call("a");
  expect(open.first?.id).toBe("b");
  open.result("b");
  expect(open.first?.id).toBe("a");
});

test("agrees with a plain list of open ids", () => {
  const step = fc.tuple(fc.constantFrom("call", "result", "first"), fc.constantFrom("a", "b", "c"));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const open = new OpenCalls();
      /** Ids in the order in which they were opened; one that is open already counts on at its place. */
      const list: { id: string; count: number }[] = [];
      for (const [kind, id] of steps) {
        const at = list.findIndex((one) => one.id === id);
        const entry = list[at];
        if (kind === "first") expect(open.first?.id).toBe(list[0]?.id);
        else if (kind === "call") {
          open.call(id);
          if (entry === undefined) list.push({ id, count: 1 });
          else entry.count += 1;
        } else {
          expect(open.result(id)).toBe(entry !== undefined);
          if (entry !== undefined && --entry.count === 0) list.splice(at, 1);
        }
      }
    }),
  );
});
