import { describe, expect, it, vi } from "vitest";
import { ResponseRunner, type RunnerOptions } from "../../../src/http/responses/runner.ts";
import type { Batch } from "../../../src/model/event.ts";
import { systemIds } from "../../../src/model/id.ts";
import { documentedCards } from "../../../src/model/card.ts";
import { Transcript } from "../../../src/model/transcript.ts";
import { textCipher } from "../../../src/lib/cipher.ts";
import { ResponseService } from "../../../src/service/response.ts";
import { openStore } from "../../../src/store/open.ts";
import { responsesSurface } from "../../../src/surface/responses/index.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

const caller = { keyId: "k1", name: "one" };
const surface = {
  ids: systemIds,
  cipher: textCipher("secret"),
  sseDone: true,
  defaultReasoning: "off",
  storeDefault: true,
} as const;

function jobOf(body: object) {
  const wire = { model: "MiniMax-M3", input: "hi", ...body };
  const card = documentedCards[0] ?? expect.fail("no card");
  const context = { id: systemIds.hex(32), createdAt: 1, strict: false, card: () => card, header: () => undefined };
  return { parsed: responsesSurface(surface).parse(wire, context), caller, wire };
}

/** A runner whose engine says these batches; `start` is told the signal. */
async function runnerOf(batches: (signal: AbortSignal) => AsyncIterable<Batch>) {
  const store = await openStore();
  const responses = new ResponseService({ store: store.responses, retentionMs: 1e9, now: () => Date.now() });
  const start = vi.fn<(request: unknown, caller: unknown, signal: AbortSignal) => Promise<object>>(
    async (_request, _caller, signal) => ({
      transcript: new Transcript(),
      batches: batches(signal),
    }),
  );
  const generate = { start } as unknown as RunnerOptions["generate"];
  return { runner: new ResponseRunner({ generate, responses, surface, log: silentLog }), responses, start };
}

async function* broken(): AsyncGenerator<Batch> {
  yield [{ type: "begin" }];
  throw new Error("nobody expected this");
}

describe("a response that is kept", () => {
  it("is aborted from the start for a caller who went away before", async () => {
    const { runner, start } = await runnerOf(broken);
    await runner.start(jobOf({}), AbortSignal.abort());
    expect(start.mock.calls[0]?.[2].aborted).toBe(true);
  });

  it("leaves nothing on the caller's signal, however it ends", async () => {
    const { runner, start } = await runnerOf(broken);
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, "addEventListener");
    const removed = vi.spyOn(signal, "removeEventListener");
    start.mockRejectedValueOnce(new Error("no engine"));
    await expect(runner.start(jobOf({}), signal)).rejects.toThrow("no engine");
    await (
      await runner.start(jobOf({}), signal)
    ).finished;
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
      added.mock.calls.map(([, listener]) => listener),
    );
  });

  it.each([{}, { background: true }])("ends as failed when nobody expected how its stream ends: %o", async (body) => {
    const { runner, responses } = await runnerOf(broken);
    const job = jobOf(body);
    const live =
      "background" in body ? await runner.startBackground(job) : await runner.start(job, new AbortController().signal);
    await live.finished;
    expect(runner.find(live.id, caller)).toBeUndefined();
    expect(JSON.parse((await responses.get(live.id, caller)).body)).toMatchObject({ status: "failed" });
  });
});
