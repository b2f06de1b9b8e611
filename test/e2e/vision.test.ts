import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataUrl, png } from "../media/fixture.ts";
import { startServer, testKey, type Running } from "./start.ts";

const blue = dataUrl("image/png", await png(40, 30, "blue"));
const path = "/v1/coding_plan/vlm";
const question = { prompt: "What is this?", image_url: blue };
let server: Running;
beforeAll(async () => {
  server = await startServer({ engine: "sim" });
});
afterAll(() => server.stop());

async function ask(body: unknown, { key, from = server }: { key?: string | null; from?: Running } = {}) {
  const init = { method: "POST", body: JSON.stringify(body), ...(key === undefined ? {} : { key }) };
  const response = await from.call(path, init);
  return { status: response.status, ...((await response.json()) as object) };
}

const refused = (status_code: number, words: string): object => ({
  base_resp: { status_code, status_msg: expect.stringContaining(words) as string },
});

describe("a question about a picture, as the vendor's command line asks it", () => {
  it("is answered in its form", async () => {
    expect(await ask(question)).toEqual({
      status: 200,
      content: expect.stringContaining("image/png, 40x30, mostly blue") as string,
      base_resp: { status_code: 0, status_msg: "success" },
    });
  });

  it("may be about an uploaded file", async () => {
    const form = new FormData();
    form.set("purpose", "video_generation_input");
    form.set("file", new File([Buffer.from(blue.slice(blue.indexOf(",") + 1), "base64")], "blue.png"));
    const headers = { authorization: `Bearer ${testKey}` };
    const uploaded = await fetch(`${server.url}/v1/files/upload`, { method: "POST", headers, body: form });
    const { file } = (await uploaded.json()) as { file: { file_id: number } };
    for (const file_id of [file.file_id, String(file.file_id)]) {
      expect(await ask({ prompt: "What is this?", file_id })).toMatchObject({
        content: expect.stringContaining("mostly blue") as string,
      });
    }
  });

  it.each([
    [{ image_url: blue }, "prompt: is required"],
    [{ prompt: "", image_url: blue }, "prompt: must not be empty"],
    [{ prompt: "What?" }, "image_url: is required"],
    [{ prompt: "What?", image_url: 7 }, "image_url: must be a string"],
    [{ prompt: "What?", image_url: "nothing" }, "image_url: must be"],
    [{ prompt: "What?", image_url: "data:image/png;base64,AAAA" }, "image_url"],
    [{ prompt: "What?", file_id: "a/b" }, "file_id: must be the number of a file"],
    [{ prompt: "What?", file_id: 12345 }, "file_id"],
    ["What?", "the body must be a JSON object"],
  ])("%j is refused by name", async (body, words) => {
    expect(await ask(body)).toMatchObject({ status: 400, ...refused(2013, words) });
  });

  it("needs a key that may use a model that reads images", async () => {
    expect(await ask(question, { key: null })).toEqual({ status: 401, ...refused(1004, "login fail") });
    expect(await ask(question, { key: "sk-wrong" })).toEqual({ status: 401, ...refused(2049, "invalid api key") });
    const { key } = await server.app.admin.createKey({ name: "text", models: ["MiniMax-M2.7"] });
    expect(await ask(question, { key })).toMatchObject({ status: 400, ...refused(2013, "reads images") });
  });

  it("is refused where no engine sees, and answered by the first name that does", async () => {
    const models = { eyes: { engine: "sim", like: "MiniMax-M3" } };
    const blind = { kind: "upstream", url: "http://127.0.0.1:9/v1", mode: "completions" };
    const without = await startServer({ engines: { blind } });
    const seeing = await startServer({ engines: { blind, sim: { kind: "sim" } }, models });
    try {
      expect(await ask(question, { from: without })).toMatchObject({ status: 400, ...refused(2013, "reads images") });
      expect(await ask(question, { from: seeing })).toMatchObject({ status: 200 });
    } finally {
      await Promise.all([without.stop(), seeing.stop()]);
    }
  });
});
