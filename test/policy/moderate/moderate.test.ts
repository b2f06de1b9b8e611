import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Batch } from "../../../src/model/event.ts";
import { textPart, type Item } from "../../../src/model/item.ts";
import type { GenerationRequest } from "../../../src/model/request.ts";
import type { Question } from "../../../src/policy/moderate/guard.ts";
import { createModerator, inputTexts, type Moderator } from "../../../src/policy/moderate/moderate.ts";
import type { ModerationSettings } from "../../../src/policy/moderate/settings.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { folded, play } from "./support.ts";
import { generationRequest } from "../../support/request.ts";

const folder = mkdtempSync(join(tmpdir(), "parley-moderate-"));
const path = join(folder, "words.txt");
writeFileSync(path, "[1]\n敏感词\n[abuse]\nrude\n");
afterAll(() => rmSync(folder, { recursive: true }));

const signal = new AbortController().signal;
const off: ModerationSettings = { input: "block", scope: "all", output: "block", window: 20 };
const words: ModerationSettings = { ...off, words: { files: [{ path }], severity: {} } };

function request(...items: Item[]): GenerationRequest {
  return generationRequest({ items, tools: [{ name: "t", description: "a tool", parameters: {} }] });
}

const message = (role: "user" | "system" | "assistant", text: string): Item => ({
  type: "message",
  role,
  parts: [textPart(text)],
});
const result = (text: string): Item => ({ type: "result", id: "c", parts: [textPart(text)], failed: false });

function moderator(settings: ModerationSettings, answer = "safe"): { moderator: Moderator; asked: Question[] } {
  const asked: Question[] = [];
  const ask = (question: Question): Promise<string> => {
    asked.push(question);
    return Promise.resolve(answer);
  };
  const made = createModerator(settings, { ask, log: silentLog });
  if (made === undefined) throw new Error("no moderator");
  return { moderator: made, asked };
}

async function* source(batches: readonly Batch[]): AsyncGenerator<Batch> {
  yield* batches;
}

describe("inputTexts", () => {
  const asked = request(
    message("system", "rules"),
    message("user", "one"),
    message("assistant", "mine"),
    { type: "call", id: "c", name: "t", args: "{}" },
    result("found"),
    message("user", ""),
    message("user", "two"),
    { type: "reasoning", text: "hm" },
    result("more"),
  );

  it("are all but the model's own, or the last user message and what follows it", () => {
    expect(inputTexts(asked, "all")).toEqual(["a tool", "rules", "one", "found", "two", "more"]);
    expect(inputTexts(asked, "last")).toEqual(["two", "more"]);
    expect(inputTexts(request(message("system", "rules")), "last")).toEqual(["rules"]);
  });
});

describe("createModerator", () => {
  const guard = {
    model: "g",
    prompt: "{text}",
    maxTokens: 5,
    timeoutSeconds: 1,
    fails: "closed",
    longest: 1000,
  } as const;
  const verdicts = [{ pattern: "unsafe", category: 6, severity: "severe" as const }];

  it("makes nothing where nothing is to be done", () => {
    const options = { ask: () => Promise.reject(new Error("asked")), log: silentLog };
    expect(createModerator(off, options)).toBeUndefined();
    expect(createModerator({ ...words, input: "off", output: "off" }, options)).toBeUndefined();
  });

  it("refuses, marks or overlooks what is asked, as it is told", async () => {
    const severe = request(message("user", "rude 敏感词"));
    await expect(moderator(words).moderator.input(severe, signal)).rejects.toMatchObject({ kind: "input-sensitive" });
    expect(await moderator({ ...words, input: "flag" }).moderator.input(severe, signal)).toEqual({
      category: 1,
      severity: "severe",
    });
    expect(await moderator({ ...words, input: "off" }).moderator.input(severe, signal)).toBeUndefined();
    const mild = request(message("user", "fine"), message("system", "rude"));
    expect(await moderator(words).moderator.input(mild, signal)).toEqual({ category: 5, severity: "mild" });
    expect(await moderator(words).moderator.input(request(message("user", "fine")), signal)).toBeUndefined();
  });

  it("finds a word anywhere in a text of megabytes", async () => {
    for (const at of [249_998, 250_000, 999_000]) {
      const text = `${"话".repeat(at)}敏感词${"话".repeat(1_000_000 - at)}`;
      const { moderator: made } = moderator(words);
      await expect(made.input(request(message("user", text)), signal)).rejects.toMatchObject({
        kind: "input-sensitive",
      });
    }
  });

  it("asks a model about all texts at once, and not when words have already refused", async () => {
    const settings = { ...words, model: { ...guard, verdicts } };
    const { moderator: made, asked } = moderator(settings);
    await made.input(request(message("system", "a"), message("user", "b")), signal);
    expect(asked.map(({ prompt }) => prompt)).toEqual(["a tool\na\nb"]);
    await expect(made.input(request(message("user", "敏感词")), signal)).rejects.toThrow();
    expect(asked).toHaveLength(1);
    const unsafe = moderator(settings, "unsafe").moderator;
    await expect(unsafe.input(request(message("user", "b")), signal)).rejects.toMatchObject({
      kind: "input-sensitive",
    });
  });

  it("screens an answer with words and model, one behind the other", async () => {
    const settings = { ...words, model: { ...guard, verdicts } };
    const answer = async (text: string, reply: string): Promise<[string, string | undefined, number]> => {
      const { moderator: made } = moderator(settings, reply);
      const events = [];
      for await (const batch of made.output(source(play([{ kind: "text", pieces: [text] }])), signal))
        events.push(...batch);
      const transcript = folded(events);
      return [transcript.text(), transcript.finish?.reason, transcript.outputFlag];
    };
    expect(await answer("so 敏感词", "safe")).toEqual(["so ", "filter", 1]);
    expect(await answer("so so", "unsafe")).toEqual(["", "filter", 6]);
    expect(await answer("so rude", "safe")).toEqual(["so rude", "stop", 5]);
  });

  it("hands the batches themselves on where the output is not looked at", () => {
    const batches = source([]);
    expect(moderator({ ...words, output: "off" }).moderator.output(batches, signal)).toBe(batches);
  });
});
