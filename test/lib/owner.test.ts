import { describe, expect, it } from "vitest";
import { isRunning, ownedName, ownerState } from "../../src/lib/owner.ts";

describe("the name of a thing", () => {
  it("says that its process runs, and differs each time", () => {
    const name = ownedName();
    expect(name).toMatch(/^[0-9a-f]{12}-\d+-\d+-[0-9a-f]{16}$/);
    expect(ownedName()).not.toBe(name);
    expect(ownerState(name)).toBe("running");
  });

  it("says that its process is gone, also where its id was given to another process", () => {
    const [machine, pid, start, random] = ownedName().split("-");
    expect(ownerState(`${machine}-4194304-${start}-${random}`)).toBe("gone");
    if (start !== "0") expect(ownerState(`${machine}-${pid}-${Number(start) + 1}-${random}`)).toBe("gone");
  });

  it.each(["", "holder", "host/11/aa", "0123456789ab-1-2-ff", "d41d8cd98f00b204e9800998ecf8427e"])(
    "of another machine or form tells nothing of a process: %j",
    (name) => expect(ownerState(name)).toBe("elsewhere"),
  );
});

it("a process of another user runs although it may not be signalled", () => {
  const fail = (code: string) => (): never => {
    throw Object.assign(new Error("kill"), { code });
  };
  expect(isRunning(11, fail("EPERM"))).toBe(true);
  expect(isRunning(11, fail("ESRCH"))).toBe(false);
});
