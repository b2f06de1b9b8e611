import { expect, it, vi } from "vitest";
import { UnendedResponses } from "../../../src/service/responses/unended.ts";
import { TimeSlices } from "../../../src/lib/time-slices.ts";
import type { EndedResponse } from "../../../src/store/store.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

const outcome = (id: string, characters: number): EndedResponse => ({
  id,
  expiresAt: 1,
  body: "x".repeat(characters),
  output: "",
  events: "",
});

it("counts what it keeps once, also where a slow store makes two calls end it", async () => {
  const end = vi.fn<(ended: EndedResponse) => Promise<void>>(() => Promise.resolve());
  const abandon = vi.fn<() => Promise<boolean>>(() => Promise.resolve(true));
  const archive = { end, abandon, endOrphans: () => Promise.resolve(0) };
  const unended = new UnendedResponses({
    archive,
    codec: { interrupted: (body) => body },
    slices: new TimeSlices(),
    log: silentLog,
  });
  unended.keep("first", outcome("first", 20_000_000));
  await Promise.all([unended.end(), unended.end()]);
  unended.keep("second", outcome("second", 40_000_000));
  await unended.end();
  // more than all may take together: it ends as failed
  expect(abandon).toHaveBeenCalledTimes(1);
});
