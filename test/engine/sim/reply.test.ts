import { describe, expect, it } from "vitest";
import { planReply } from "../../../src/engine/sim/reply.ts";
import type { Item, Part, Role } from "../../../src/model/item.ts";
import type { GenerationRequest } from "../../../src/model/request.ts";
import { message, requestOf, weatherTool } from "../../contract/engine.ts";

function said(asked: string, changes: Partial<GenerationRequest> = {}): string {
  return planReply(requestOf(asked, changes)).text;
}

/** The answer to the last of several messages; roles before a colon. */
function talked(...lines: (readonly [Role, string])[]): string {
  return said("", { items: lines.map(([role, text]) => message(role, text)) });
}

const seeded = (seed: number, temperature = 1): Partial<GenerationRequest> => ({
  sampling: { stop: [], seed, temperature },
});

describe("planReply", () => {
  it("says something about the request, long enough to be cut", () => {
    const answer = said("Explain how tides work");
    expect(answer).toContain("Explain how tides work");
    const words = answer.split(" ").length;
    expect(words).toBeGreaterThanOrEqual(80);
    expect(words).toBeLessThanOrEqual(200);
  });

  it("answers Chinese in Chinese", () => {
    const answer = said("请解释一下潮汐是怎么形成的");
    expect(answer).toContain("请解释一下潮汐是怎么形成的");
    expect(answer.match(/[A-Za-z]/g)).toBeNull();
    expect(answer.length).toBeGreaterThan(80);
  });

  it("writes as much as it is asked to", () => {
    expect(said("Write a 500 word essay about the sea").split(" ").length).toBeGreaterThanOrEqual(500);
    expect(said("写一篇800字的文章").length).toBeGreaterThanOrEqual(800);
    expect(said("Count from 1 to 12")).toBe("1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12");
  });

  it("repeats the request's emoji, whole", () => {
    expect(said("Write a story about 👩‍👩‍👧‍👦 and 🇨🇳")).toContain("👩‍👩‍👧‍👦🇨🇳");
  });

  it.each<[string, string]>([
    ["Hi", "Hello! How can I help you today?"],
    ["你好！", "你好！有什么可以帮你的吗？"],
    ["What is 17 * 23?", "17 * 23 = 391"],
    ["Repeat exactly: 17 * 23", "17 * 23"],
    ["My name is Alice.", "Nice to meet you, Alice! How can I help you today?"],
    ["What is the capital of France? Answer in one word.", "Paris."],
    ["日本的首都是哪里？", "东京。"],
    ["《西游记》的主角叫什么名字?只回答名字,不要其他内容。", "孙悟空。"],
    ["thanks!", "You are welcome! Is there anything else I can do for you?"],
  ])("%s", (asked, expected) => {
    expect(said(asked)).toBe(expected);
  });

  it("remembers what was told, the latest first", () => {
    expect(talked(["user", "My name is Bob."], ["assistant", "Hi Bob"], ["user", "What's my name?"])).toBe(
      "Your name is Bob.",
    );
    expect(talked(["user", "My name is Bob."], ["user", "No, my name is Eve."], ["user", "What is my name?"])).toBe(
      "Your name is Eve.",
    );
    expect(talked(["user", "我叫小明。"], ["assistant", "你好"], ["user", "我叫什么名字？"])).toBe("你的名字是小明。");
    expect(talked(["user", "What is my name?"])).toBe("You have not told me your name yet.");
    expect(
      talked(["user", "My favourite colour is teal."], ["assistant", "Nice"], ["user", "What is my favourite colour?"]),
    ).toBe("Your favourite colour is teal.");
    expect(talked(["user", "Tell me of cats"], ["assistant", "Cats purr."], ["user", "What did you say?"])).toBe(
      "I said: Cats purr.",
    );
  });

  it.each<[string, string, string]>([
    [
      "Remember the code word: cobalt. Reply with OK.",
      "What is the code word? Reply with only the code word.",
      "cobalt",
    ],
    ["Remember this code word: papaya.", "What code word did I ask you to remember?", "Your code word is papaya."],
    ["The launch code is 7421.", "What is the launch code?", "Your launch code is 7421."],
    ["请记住暗号：木瓜。", "暗号是什么？", "你的暗号是木瓜。"],
    ["请记住暗号：木瓜。", "暗号是什么？只回答暗号。", "木瓜"],
  ])("after %j, to %j: %j", (told, asked, expected) => {
    expect(talked(["user", told], ["assistant", "OK"], ["user", asked])).toBe(expected);
  });

  it("answers the user, not the notes that agents add", () => {
    const note = "<system-reminder>\nSay nothing of the skills.\n</system-reminder>\n";
    expect(said(`${note}What is 17 * 23?\n${note}`)).toBe("17 * 23 = 391");
    expect(said("<system-reminder>Say hello</system-reminder>")).toContain("hello");
    expect(said(`${"<system-reminder>".repeat(50_000)} What is 2 + 2?`)).not.toBe("");
  });

  describe("standing instructions", () => {
    it("obeys them", () => {
      expect(talked(["system", "Always answer with BANANA."], ["user", "How are you?"])).toBe("BANANA");
      expect(talked(["system", 'End every answer with "[DONE]".'], ["user", "Say hi"])).toBe("hi [DONE]");
      expect(talked(["developer", "Start every reply with the word Ahoy!"], ["user", "Say hi"])).toBe("Ahoy! hi");
      expect(talked(["system", "你的每个回答都要以“喵”结尾。"], ["user", "请说“你好”"])).toBe("你好喵");
      expect(talked(["system", "Your name is Robo Cat."], ["user", "Who are you?"])).toBe("I am Robo Cat.");
      expect(talked(["system", "Always answer in Chinese."], ["user", "Hi"])).toBe("你好！有什么可以帮你的吗？");
    });

    it("keeps words that every answer must hold, and answers a signal with its sign", () => {
      expect(talked(["system", "You must include 'Arrr' in every response."], ["user", "Say hi"])).toBe("Arrr hi");
      const protocol =
        "Whenever the user's message is exactly `PING`, your answer MUST be `[SILENCE]` and nothing else.";
      expect(talked(["system", protocol], ["user", "PING"])).toBe("[SILENCE]");
      expect(talked(["system", protocol], ["user", "Say hi"])).toBe("hi");
      expect(talked(["system", "当用户说“芝麻”时，回答“开门”。"], ["user", "芝麻"])).toBe("开门");
    });

    it("knows who it is told to be, by the weightier voice", () => {
      const lines = [
        ["system", "你是claude opus 3,在介绍自己时必须说自己是claude opus 3。"],
        ["root", "你是MiniMax-M3-x,介绍自己时必须说自己是 MiniMax-M3-x。"],
        ["user", "你是谁?"],
      ] as const;
      expect(talked(...lines)).toBe("我是MiniMax-M3-x。");
    });

    it("weighs root above system and system above the user, wherever they stand", () => {
      expect(
        talked(["system", "Always reply with SYSTEM."], ["root", "Always reply with ROOT."], ["user", "Say user"]),
      ).toBe("ROOT");
      expect(
        talked(["root", "Always answer in English."], ["system", "Always answer in Chinese."], ["user", "你好"]),
      ).toBe("Hello! How can I help you today?");
      expect(talked(["system", "Only reply with 'no'."], ["user", "Reply only with 'yes'."])).toBe("no");
    });

    it("adds up what does not contradict", () => {
      expect(
        talked(["root", "End every answer with END."], ["system", "Begin every answer with START."], ["user", "Say x"]),
      ).toBe("START x END");
    });

    it("passes over the long instructions of coding agents", () => {
      const long = `You are an agent. ${"Be careful with files. ".repeat(200)} Always reply with NEVER.`;
      expect(talked(["system", long], ["user", "Say ok"])).toBe("ok");
    });
  });

  describe("tools", () => {
    const afterwards: Item[] = [
      message("user", "Weather in Oslo?"),
      { type: "call", id: "1", name: "get_weather", args: "{}" },
      { type: "result", id: "1", parts: [{ type: "text", text: "−3 °C, 雪 ❄️" }], failed: false },
    ];

    it("calls without text, and tells the result afterwards", () => {
      const call = planReply(requestOf("Weather in Oslo?", { tools: [weatherTool] }));
      expect(call).toMatchObject({ text: "", calls: [{ name: "get_weather", args: '{"city":"Oslo"}' }] });
      const answer = planReply(requestOf("", { items: afterwards, tools: [weatherTool] }));
      expect(answer.calls).toEqual([]);
      expect(answer.text).toContain("−3 °C, 雪 ❄️");
      const later = [...afterwards, message("assistant", "Cold."), message("user", "Is it warm there?")];
      expect(planReply(requestOf("", { items: later, tools: [weatherTool] })).text).toContain("−3 °C, 雪 ❄️");
    });

    it.each([
      "Hello!",
      "Repeat exactly: x",
      "Do not use any tools. Weather in Oslo?",
      "Who are you?",
      "不要使用工具，介绍一下你自己",
    ])("needs none for %j", (asked) => {
      const reply = planReply(requestOf(asked, { tools: [weatherTool] }));
      expect(reply.calls).toEqual([]);
      expect(reply.text).not.toBe("");
    });
  });

  describe("thinking", () => {
    it("thinks when on or adaptive, before calls and after results, and never when off", () => {
      for (const thinking of ["on", "adaptive"] as const) {
        expect(planReply(requestOf("Say hi", { reasoning: thinking })).thought).toContain("Say hi");
        expect(
          planReply(requestOf("Weather in Oslo?", { reasoning: thinking, tools: [weatherTool] })).thought,
        ).toContain("get_weather");
      }
      expect(planReply(requestOf("Say hi")).thought).toBe("");
    });

    it("quotes a long request in part, never half an emoji", () => {
      const { thought } = planReply(requestOf("😀".repeat(5_000), { reasoning: "on" }));
      expect(thought.length).toBeLessThan(400);
      expect(thought.isWellFormed()).toBe(true);
    });
  });

  describe("formats", () => {
    const answering = (type: string): Partial<GenerationRequest> => ({
      format: {
        type: "schema",
        schema: { type: "object", properties: { answer: { type } }, required: ["answer"] },
        strict: true,
      },
    });
    it.each<[string, Partial<GenerationRequest>, unknown]>([
      ["What is the capital of France?", answering("string"), { answer: "Paris" }],
      ["What is 17 * 23?", answering("integer"), { answer: 391 }],
      ["What is 17 * 23?", answering("string"), { answer: "391" }],
      ["Return a JSON with key 'answer' and value 42", { format: { type: "json" } }, { answer: 42 }],
      ['JSON with key "a" and value "x y", key b and value true', { format: { type: "json" } }, { a: "x y", b: true }],
    ])("%s", (asked, changes, expected) => {
      expect(JSON.parse(said(asked, changes))).toEqual(expected);
    });

    const schema = {
      type: "object",
      properties: { city: { type: "string" }, degrees: { type: "integer" } },
      required: ["city", "degrees"],
    };

    it("gives JSON that fits the schema, with what the request says", () => {
      const text = said("How is it in Rome at 21 degrees?", { format: { type: "schema", schema, strict: true } });
      expect(JSON.parse(text)).toEqual({ city: "Rome", degrees: 21 });
    });

    it("gives JSON after tools as well, and in spite of standing instructions", () => {
      const items = [message("system", "End every answer with END."), message("user", "Rome, 21")];
      expect(JSON.parse(said("", { items, format: { type: "schema", schema, strict: true } }))).toHaveProperty(
        "degrees",
        21,
      );
    });

    it("gives JSON where only words ask for it, with the keys and lengths they name", () => {
      const asked =
        "请只输出一个合法 JSON 对象，包含 title、summary、sections。sections 必须包含 3 个对象，每个对象包含 heading 和不少于100字的 description。";
      const value = JSON.parse(said(asked)) as { title: string; sections: { heading: string; description: string }[] };
      expect(Object.keys(value)).toEqual(["title", "summary", "sections"]);
      expect(value.sections).toHaveLength(3);
      expect(value.sections[0]?.description.length).toBeGreaterThanOrEqual(100);
      expect(JSON.parse(said("Return as JSON with keys name and age: Ann is 7"))).toHaveProperty("age");
    });

    it("writes a function of the name it is asked for", () => {
      expect(said("Write a Python function called 'fib'. Only output the code.")).toMatch(/^def fib\(n\):/);
      expect(said("Write a JavaScript function named `fib`")).toMatch(/^function fib\(n\) \{/);
    });

    it("gives some object where no schema is given", () => {
      expect(JSON.parse(said("Give me JSON", { format: { type: "json" } }))).toHaveProperty("answer");
      expect(JSON.parse(said('JSON with keys "name" and "age"', { format: { type: "json" } }))).toEqual({
        name: "example name",
        age: "example age",
      });
      expect(JSON.parse(said('Return {"a": [1]} as JSON', { format: { type: "json" } }))).toEqual({ a: [1] });
    });
  });

  it("varies its words by seed only, and only with a temperature", () => {
    const answers = new Set([1, 2, 3].map((seed) => said("Explain tides", seeded(seed))));
    expect(answers.size).toBe(3);
    expect(said("Explain tides", seeded(2))).toBe(said("Explain tides", seeded(2)));
    expect(said("Explain tides", seeded(2, 0))).toBe(said("Explain tides"));
  });

  it("describes pictures and videos", () => {
    const parts: Item = {
      type: "message",
      role: "user",
      parts: [
        { type: "text", text: "What is this?" },
        {
          type: "image",
          media: { kind: "bytes", mime: "image/png", bytes: new Uint8Array() },
          detail: "low",
          size: { width: 64, height: 40 },
        },
        {
          type: "video",
          media: { kind: "bytes", mime: "video/mp4", bytes: new Uint8Array() },
          detail: "low",
          fps: 1,
          frames: [],
        },
      ],
    };
    expect(said("", { items: [parts] })).toBe(
      "Image 1 is image/png, 64x40. Video 1 is video/mp4, of unknown size, seen as 0 frames.",
    );
  });

  it("says how many pictures there are, and goes back to those of earlier turns when asked about them", () => {
    const image: Part = {
      type: "image",
      media: { kind: "bytes", mime: "image/png", bytes: new Uint8Array() },
      detail: "low",
      size: { width: 64, height: 40 },
    };
    const turn = (...parts: Part[]): Item => ({ type: "message", role: "user", parts });
    const shown = turn(image, image);
    const two = "I see 2 images. Image 1 is image/png, 64x40. Image 2 is image/png, 64x40.";
    expect(said("", { items: [shown] })).toBe(two);
    expect(said("", { items: [shown, turn({ type: "text", text: "Are you sure about that color?" })] })).toBe(two);
    expect(said("", { items: [shown, turn({ type: "text", text: "What is 2+3?" })] })).toContain("5");
    const told = ["My favorite color is teal.", "What is my favorite color?"].map((text) =>
      turn({ type: "text", text }),
    );
    expect(said("", { items: [shown, ...told] })).toContain("teal");
  });

  it("answers even when nobody asks", () => {
    expect(said("", { items: [] })).not.toBe("");
    expect(talked(["system", "You are kind."])).not.toBe("");
    expect(talked(["user", ""])).not.toBe("");
  });
});
