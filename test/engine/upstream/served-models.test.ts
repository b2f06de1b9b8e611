import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { upstreamEngine } from "../../../src/engine/upstream/engine.ts";
import { ServedModels } from "../../../src/engine/upstream/served-models.ts";
import { ParleyError } from "../../../src/model/error.ts";
import { startServer, type Running } from "../../e2e/start.ts";
import { doneFrame, fakeServer, frame, sse, usageFrame, type FakeServer } from "./fake.ts";

const listing = (...ids: string[]) => ({ object: "list", data: ids.map((id) => ({ id, object: "model" })) });
const served = (...ids: string[]) => new ServedModels(async () => listing(...ids));

describe("a server's own name of a model", () => {
  it.each([
    ["the same", ["a", "MiniMax-M2.7"], "MiniMax-M2.7", "MiniMax-M2.7"],
    ["in another case", ["a", "minimax-m2.7"], "MiniMax-M2.7", "minimax-m2.7"],
    ["behind an owner", ["a", "MiniMaxAI/MiniMax-M2.7"], "MiniMax-M2.7", "MiniMaxAI/MiniMax-M2.7"],
    ["the exact one before others", ["x/MiniMax-M3", "MiniMax-M3"], "MiniMax-M3", "MiniMax-M3"],
    ["the only one", ["qwen3:4b"], "MiniMax-M2.7", "qwen3:4b"],
    ["as asked where there are several others", ["a", "b"], "MiniMax-M2.7", "MiniMax-M2.7"],
    ["as asked where there are none", [], "MiniMax-M2.7", "MiniMax-M2.7"],
  ])("is %s", async (_what, ids, asked, own) => {
    expect(await served(...ids).nameOf(asked)).toBe(own);
  });

  it.each([[null], ["text"], [{ data: "x" }], [{ data: [null, 5, { id: 7 }, { id: "" }] }]])(
    "is as asked where the list is %j",
    async (answer) => {
      expect(await new ServedModels(async () => answer).nameOf("MiniMax-M3")).toBe("MiniMax-M3");
    },
  );

  it("is as asked while the server cannot be asked, and is found when it can", async () => {
    let away = true;
    const models = new ServedModels(async () => {
      if (away) throw new Error("away");
      return listing("only");
    });
    expect(await models.nameOf("MiniMax-M3")).toBe("MiniMax-M3");
    away = false;
    expect(await models.nameOf("MiniMax-M3")).toBe("only");
  });

  it("is asked for once, however many wait for it", async () => {
    let asked = 0;
    const models = new ServedModels(async () => {
      asked += 1;
      return listing("only");
    });
    const names = await Promise.all(Array.from({ length: 20 }, () => models.nameOf("MiniMax-M3")));
    expect([new Set(names), asked]).toEqual([new Set(["only"]), 1]);
  });

  it("is in the error of a server that has several others", async () => {
    const models = served("a", "b");
    await models.learn();
    const error = new ParleyError("upstream", "not found");
    expect(models.explain(error, "MiniMax-M3").message).toBe(
      "the engine has no model 'MiniMax-M3'; it serves a, b. Set models.<name>.model or --model to one of them",
    );
    expect(models.explain(error, "b")).toBe(error);
    expect(served().explain(error, "b")).toBe(error);
  });
});

describe("a stock server that knows its model by the repository's name", () => {
  const own = "MiniMaxAI/MiniMax-M2.7";
  let fake: FakeServer;
  let server: Running;
  beforeEach(async () => {
    fake = await fakeServer(({ path, body }, response) => {
      if (path === "/v1/models") return void response.end(JSON.stringify(listing(own)));
      if (body["model"] !== own) {
        const error = { message: `The model \`${String(body["model"])}\` does not exist.`, code: 404 };
        return void response.writeHead(404, { "content-type": "application/json" }).end(JSON.stringify({ error }));
      }
      sse(response).end(frame({ content: "hi" }) + frame({}, "stop") + usageFrame(3, 1) + doneFrame);
    });
    server = await startServer({ engine: fake.url });
  });
  afterEach(async () => {
    await server.stop();
    await fake.close();
  });

  it("answers every documented name, and what it was asked for is what is shown", async () => {
    for (const model of ["MiniMax-M2.7", "MiniMax-M3", own]) {
      const answer = await server.openai.chat.completions.create({ model, messages: [{ role: "user", content: "x" }] });
      expect(answer.choices[0]?.message.content).toBe("hi");
    }
    const chats = fake.asked.filter(({ path }) => path.endsWith("/chat/completions"));
    expect(chats.map(({ body }) => body["model"])).toEqual([own, own, own]);
    const [row] = await server.app.models.describe();
    expect(row).toEqual({ model: "MiniMax-M3", engine: "default (upstream)", engineModel: own });
  });
});

it("names the models that a server has where it has several and none of the asked name", async () => {
  const fake = await fakeServer(({ path }, response) => {
    if (path === "/v1/models") return void response.end(JSON.stringify(listing("a", "b")));
    response.writeHead(404, { "content-type": "application/json" }).end('{"error":{"message":"no such model"}}');
  });
  const server = await startServer({ engine: fake.url });
  const body = JSON.stringify({ model: "MiniMax-M3", messages: [{ role: "user", content: "x" }] });
  const answer = await server.call("/v1/chat/completions", { method: "POST", body });
  expect([answer.status, await answer.text()]).toEqual([502, expect.stringContaining("it serves a, b.")]);
  await server.stop();
  await fake.close();
});

it("says why a server is down and when it is up again", async () => {
  const lines: { replica?: unknown; reason?: unknown }[] = [];
  const note = (line: object | string): void => void lines.push(line as object);
  const log = { warn: note, info: note };
  const engine = upstreamEngine({ url: "http://127.0.0.1:1/v1", replicas: { log } });
  await engine.open?.();
  await engine.open?.();
  expect(lines).toEqual([{ replica: "127.0.0.1:1", reason: "ECONNREFUSED" }]);
  expect(engine.members?.()).toEqual([{ name: "127.0.0.1:1", up: false, running: 0, reason: "ECONNREFUSED" }]);
  await engine.close();
});
