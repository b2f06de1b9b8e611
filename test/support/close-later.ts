import { onTestFinished } from "vitest";

/** Closes these when the test that runs now is over, in their order, and before what was given earlier. */
export function closeLater(...all: { close(): unknown }[]): void {
  onTestFinished(async () => {
    for (const one of all) await one.close();
  });
}
