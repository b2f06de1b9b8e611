import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wantedEcho } from "../../../src/engine/sim/echo.ts";

describe("wantedEcho", () => {
  it.each<[string, string]>([
    ["Say hello", "hello"],
    ["say hello.", "hello"],
    ["Say this is a test", "this is a test"],
    ['Say "hello world" and nothing else.', "hello world"],
    ["Please say 'it's fine'.", "it's fine"],
    ["Hello! Please say the word banana", "banana"],
    ["Repeat after me: 👩‍👩‍👧‍👦 ok.", "👩‍👩‍👧‍👦 ok."],
    ["Repeat the following text exactly, with nothing before or after it: a  b\tc", "a  b\tc"],
    ["Repeat exactly:\n\nline one\n  line two", "line one\n  line two"],
    ["repeat this:\n```js\nlet a = 1;\n```", "let a = 1;"],
    ['Repeat: "a" and then "b" or c', '"a" and then "b" or c'],
    ["Remember the code word: cobalt. Reply with OK.", "OK"],
    ["That is all. Answer ACK.", "ACK"],
    ["`x` is set. Repeat after me: y", "y"],
    ["Echo back: http://example.com:80/x", "http://example.com:80/x"],
    ['Echo this JSON exactly: {"a":[1,2]}', '{"a":[1,2]}'],
    ["Please output [SILENCE] and nothing else", "[SILENCE]"],
    ["Only output [SILENCE].", "[SILENCE]"],
    ["Reply with only the word OK.", "OK"],
    ["Reply with exactly: PONG", "PONG"],
    ["Respond with just `42`", "42"],
    ["Answer with 'yes'.", "yes"],
    ["Simply reply yes or no.", "yes"],
    ["Repeat the word 'ha' 3 times", "ha ha ha"],
    ["Say hi 2 times", "hi hi"],
    ['Repeat "x" 3 times separated by commas', "x, x, x"],
    ["请重复：你好，世界！", "你好，世界！"],
    ["请重复下面这句话：今天天气很好。", "今天天气很好。"],
    ["重复“哈”3遍", "哈 哈 哈"],
    ["只输出 [SILENCE]", "[SILENCE]"],
    ["只回复“收到”", "收到"],
    ["请只回答：是", "是"],
    ["请说“早上好”", "早上好"],
    ["Reply with the single word OK.", "OK"],
    ["Reply OK only", "OK"],
    ["Repeat exactly: //!", "//!"],
    ["Answer with the word maybe only", "maybe"],
  ])("%s", (asked, expected) => {
    expect(wantedEcho(asked)).toBe(expected);
  });

  it.each([
    "What is the weather in Paris?",
    "Say something about cats",
    "Can you repeat that?",
    "Only answer in French: how are you?",
    "Reply with a short poem",
    "Only answer if you are sure",
    "Please answer with one sentence",
    "用中文回答：你是谁",
    "介绍一下你自己",
    "Please don't just say hello.",
    "Only output the code, no explanation.",
    "请问主角叫什么名字?只回答名字,不要其他内容。",
    "请只输出一个合法 JSON 对象，包含 title。",
    "调用 write_file，不要只返回普通文本。",
    "直接输出作文正文，不要解释写作过程。",
    "What is it? Reply with only the code word.",
    "Respond with only a JSON object",
    "Run the shell command `echo parley` and tell me what it printed.",
    "Use the terminal to run: echo hi",
    "执行 echo 你好",
    "Please answer in SQL",
    "Reply with a list of SQL statements",
    "How do I print a list in Python?",
    "What does he say about it?",
    "",
  ])("finds nothing in %j", (asked) => {
    expect(wantedEcho(asked)).toBeUndefined();
  });

  it("gives back any text after a colon, byte for byte", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (text) => {
        fc.pre(text.trim() === text && !/^["'`“‘「『«[]/.test(text));
        expect(wantedEcho(`Repeat exactly: ${text}`)).toBe(text);
      }),
    );
  });

  it("gives back a megabyte quickly", () => {
    const text = "线 line 😀 \n".repeat(100_000).trim();
    const start = performance.now();
    expect(wantedEcho(`Repeat exactly: ${text}`) === text).toBe(true);
    expect(wantedEcho(`${text}\nNow say "done".`)).toBe("done");
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it("takes only marked or single words from standing instructions", () => {
    const strict = { strict: true };
    expect(wantedEcho("Always answer with BANANA no matter what.", strict)).toBe("BANANA");
    expect(wantedEcho('Only respond with "I do not know".', strict)).toBe("I do not know");
    expect(wantedEcho("无论如何都只回复“不知道”", strict)).toBe("不知道");
    for (const text of [
      "Only respond with valid JSON.",
      "Always answer with concise sentences.",
      "You are helpful. Always reply in French.",
    ]) {
      expect(wantedEcho(text, strict)).toBeUndefined();
    }
  });
});
