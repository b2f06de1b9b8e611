/** Encrypted reasoning and compactions, brought back by others than those who got them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scriptBatches, scriptEngine } from "../support/script-engine.ts";
import { startServer, type Running } from "./start.ts";

const adminKey = "admin-0123456789abcdef";
let server: Running;
/** The items of the last request that reached the engine, as JSON. */
let asked = "";
beforeAll(async () => {
  const engine = scriptEngine({
    batches: ({ items }) => {
      asked = JSON.stringify(items);
      return scriptBatches({ reasoning: "the secret thought", text: "the secret summary" });
    },
  });
  server = await startServer({ adminKeys: [adminKey] }, { engines: new Map([["script", engine]]) });
});
afterAll(() => server.stop());

async function newKey(organisation?: string): Promise<string> {
  const body = JSON.stringify({
    name: `test ${Math.random()}`,
    ...(organisation === undefined ? {} : { organisation }),
  });
  const made = await server.call("/admin/api/keys", { method: "POST", key: adminKey, body });
  expect(made.status).toBe(201);
  return ((await made.json()) as { key: string }).key;
}

async function newOrganisation(): Promise<string> {
  const body = JSON.stringify({ name: `team ${Math.random()}` });
  const made = await server.call("/admin/api/organisations", { method: "POST", key: adminKey, body });
  return ((await made.json()) as { id: string }).id;
}

const create = (key: string, body: object): Promise<Response> =>
  server.call("/v1/responses", { method: "POST", key, body: JSON.stringify({ model: "MiniMax-M3", ...body }) });

interface Owned {
  reasoning: object;
  compaction: object;
}

async function texts(key: string): Promise<Owned> {
  const include = ["reasoning.encrypted_content"];
  const thinking = await create(key, { input: "hi", include, reasoning: { effort: "high" } });
  const { output } = (await thinking.json()) as { output: { type: string; encrypted_content: string }[] };
  const input = [{ role: "user", content: "hi" }, { type: "compaction_trigger" }];
  const compacted = (await (await create(key, { input })).json()) as { output: object[] };
  const [reasoning] = output;
  return {
    reasoning: { type: "reasoning", summary: [], encrypted_content: reasoning?.encrypted_content },
    compaction: compacted.output[0] ?? {},
  };
}

/** Sends both back: the statuses, and what of them reached the engine. */
async function bringBack(key: string, { reasoning, compaction }: Owned) {
  const hi = { role: "user", content: "go on" };
  const first = await create(key, { input: [reasoning, hi], reasoning: { effort: "high" } });
  const thought = asked.includes("the secret thought");
  const second = await create(key, { input: [compaction, hi] });
  return { statuses: [first.status, second.status], thought, summary: asked.includes("the secret summary") };
}

describe("what was encrypted for a key", () => {
  it("is read back from it, and from no other", async () => {
    const [mine, other] = [await newKey(), await newKey()];
    const owned = await texts(mine);
    expect(await bringBack(other, owned)).toEqual({ statuses: [200, 400], thought: false, summary: false });
    expect(await bringBack(mine, owned)).toEqual({ statuses: [200, 200], thought: true, summary: true });
  });

  it("is read back from all keys of its organisation, and from no other", async () => {
    const [team, others] = [await newOrganisation(), await newOrganisation()];
    const owned = await texts(await newKey(team));
    expect(await bringBack(await newKey(others), owned)).toMatchObject({ statuses: [200, 400], thought: false });
    expect(await bringBack(await newKey(), owned)).toMatchObject({ statuses: [200, 400], thought: false });
    expect(await bringBack(await newKey(team), owned)).toMatchObject({ statuses: [200, 200], thought: true });
  });
});
