import { expect, test } from "vitest";
import { defaultChunkSize } from "../../../src/surface/shared/chunk-size.ts";
import { sseSettings } from "../../../src/surface/chat/settings.ts";

test("the settings give the surface's own defaults", () => {
  const { done, packetMinimum, packetMaximum, packetWaitMs } = sseSettings.parse({});
  expect(done).toBe(true);
  expect({ minChars: packetMinimum, maxChars: packetMaximum, maxWaitMs: packetWaitMs }).toEqual(defaultChunkSize);
});

test.each([{ done: "yes" }, { packetMinimum: -1 }, { packetMaximum: 7 }, { packetWaitMs: 0.5 }, { other: 1 }])(
  "%j is refused",
  (input) => {
    expect(sseSettings.safeParse(input).success).toBe(false);
  },
);
