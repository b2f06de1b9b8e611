import { describe, expect, test } from "vitest";
import { markupParser } from "../../../src/engine/markup/parser.ts";
import { EventBuilder } from "../../../src/model/event-builder.ts";
import { rows, type Setting } from "./fold.ts";

const inside: Setting = { inside: true };
const m3: Setting = { tags: ["mm:think"], calls: "m3" };

describe("thought", () => {
  test.each<[string, string, Setting, string[][]]>([
    ["plain text", "hello", {}, [["text", "hello"]]],
    ["nothing", "", {}, []],
    ["white space alone", " \n", {}, [["text", " \n"]]],
    ["the vendor's lines", "<think>\nhm\n</think>\n\nHi", {}, [["reasoning", "hm"], ["text", "\nHi"]]], // prettier-ignore
    ["M2 inside", "hm\n\nso\n</think>\n\nHi", inside, [["reasoning", "hm\n\nso"], ["text", "\nHi"]]], // prettier-ignore
    ["M3 tight", "<mm:think>hm</mm:think>Hi", m3, [["reasoning", "hm"], ["text", "Hi"]]], // prettier-ignore
    ["one newline each side, no more", "<think>\n\nhm\n\n</think>\nHi\n", {}, [["reasoning", "\nhm\n"], ["text", "Hi\n"]]], // prettier-ignore
    ["the prompt's tag said again", "\n<think>\nhm\n</think>\nHi", inside, [["reasoning", "hm"], ["text", "Hi"]]], // prettier-ignore
    ["an opening tag later in thought", "a <think> b</think>c", inside, [["reasoning", "a <think> b"], ["text", "c"]]], // prettier-ignore
    ["never closed", "<think>\nhm\n", {}, [["reasoning", "hm\n"]]],
    ["never closed, inside", "hm", inside, [["reasoning", "hm"]]],
    ["cut inside the closing tag", "<think>hm</thi", {}, [["reasoning", "hm</thi"]]],
    ["empty thought", "<think>\n\n</think>\n\nHi", {}, [["text", "\nHi"]]],
    ["empty thought, nothing else", "<think>\n</think>\n", {}, []],
    ["stray closing tag first", "</mm:think>Hi", m3, [["text", "Hi"]]],
    ["stray closing tag after white space", "\n </think>\n\nHi", {}, [["text", "\nHi"]]],
    ["stray closing tag later", "Hi </think> there", {}, [["text", "Hi </think> there"]]],
    ["a second closing tag", "<think>a</think>b</think>c", {}, [["reasoning", "a"], ["text", "b</think>c"]]], // prettier-ignore
    ["two thoughts", "<think>a</think>\n<think>b</think>c", {}, [["reasoning", "a"], ["reasoning", "b"], ["text", "c"]]], // prettier-ignore
    ["thought after text", "first\n<think>a</think>\nthen", {}, [["text", "first"], ["reasoning", "a"], ["text", "then"]]], // prettier-ignore
    ["another family's tag", "<mm:think>a</mm:think>b", {}, [["text", "<mm:think>a</mm:think>b"]]],
    ["no tags at all", "<think>a</think>b", { tags: [] }, [["text", "<think>a</think>b"]]],
    ["either tag", "<mm:think>a</think>b", { tags: ["think", "mm:think"] }, [["reasoning", "a"], ["text", "b"]]], // prettier-ignore
    ["looks like a tag", "a <thinker> <think b <", {}, [["text", "a <thinker> <think b <"]]],
    ["a tag in a line", "Write <think> first and </think> last.", {}, [["text", "Write <think> first and </think> last."]]], // prettier-ignore
    ["a tag in a line, M3", "Write <mm:think> first, </mm:think> last.", m3, [["text", "Write <mm:think> first, </mm:think> last."]]], // prettier-ignore
    ["a closing tag alone in its line", "One.\n</think>\nTwo.", {}, [["text", "One.\nTwo."]]],
    ["a closing tag at the end", "One.\n</think>", {}, [["text", "One.\n"]]],
    ["a closing tag at the start of a line", "One.\n</think> is it.", {}, [["text", "One.\n</think> is it."]]],
    ["M3's closing tag anywhere", "One.</mm:think>Two.", m3, [["text", "One.Two."]]],
    ["M3's closing tag in code", "`</mm:think>`", m3, [["text", "`</mm:think>`"]]],
    ["two closing tags", "<think>a</think>\n</think>\n\nb", {}, [["reasoning", "a"], ["text", "\nb"]]], // prettier-ignore
    ["doubled brackets", "<<think>a</think>", {}, [["text", "<<think>a</think>"]]],
    ["emoji at every edge", "🙂\n<think>🙂</think>🙂", {}, [["text", "🙂"], ["reasoning", "🙂"], ["text", "🙂"]]], // prettier-ignore
  ])("%s", (_, text, setting, expected) => {
    expect(rows(text, setting)).toEqual(expected);
  });

  test("talk about tags in code is text", () => {
    for (const text of [
      "Use `<think>` for thought.",
      "```python\nopening = '<think>'\n```\nand `<think>`",
      "~~~\n<think>\n~~~\nend",
    ]) {
      expect(rows(text)).toEqual([["text", text]]);
    }
    expect(rows("`a`\n<think>b</think>c")).toEqual([["text", "`a`"], ["reasoning", "b"], ["text", "c"]]); // prettier-ignore
    expect(rows("```\nx\n```\n<think>b</think>c")).toEqual([["text", "```\nx\n```"], ["reasoning", "b"], ["text", "c"]]); // prettier-ignore
  });

  test("half a character at the very end is kept as it came", () => {
    expect(rows("a\ud83d")).toEqual([["text", "a\ud83d"]]);
  });

  test("text goes out at once, save what may become a tag or half a character", () => {
    let ordinal = 0;
    const tools = [{ name: "save", parameters: { type: "object", properties: { text: { type: "string" } } } }];
    const think = { tags: ["think"], startsInside: false };
    const parser = markupParser({ think, calls: "m2", tools, callId: () => `c${++ordinal}` });
    const out = new EventBuilder();
    const said = (text: string): string => {
      parser.feed(text, out);
      return out
        .take()
        .map((event) =>
          "text" in event ? event.text : "args" in event ? event.args : "name" in event ? event.name : "",
        )
        .join("");
    };
    expect(said("Hello <")).toBe("Hello ");
    expect(said("thin")).toBe("");
    expect(said("g> \ud83d")).toBe("<thing> ");
    expect(said("\ude42")).toBe("🙂");
    expect(said('<minimax:tool_call>\n<invoke name="save"')).toBe("");
    // what follows shows whose arguments these are
    expect(said("><param")).toBe("");
    expect(said("eter name")).toBe("save{");
    expect(said('="text">long te')).toBe('"text": "long te');
    expect(said("xt\ud83d")).toBe("xt");
    expect(said("\ude42</param")).toBe("🙂");
    expect(said("eter></invoke>")).toBe('"}');
    parser.end(out, false);
    expect(out.take()).toEqual([]);
  });
});
