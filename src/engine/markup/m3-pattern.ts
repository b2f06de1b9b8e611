import { literal, namedTag, Pattern, PatternSet, token } from "./pattern.ts";

const space = "\\s{0,64}";
const markedName = "[^<>/\\n][^<>\\n]{0,255}";
const bareName = ["[^<>/\\s=\"'!?]", "[^<>\\s=\"']{0,255}"];
const markedOpen = [...token, "<", `(${markedName})`, ">"];
const bareOpen = ["<", `(${bareName.join("")})`, ">"];
const closeTag = ["<", "\\/", "([^<>\\n]{1,256})", ">"];
const markedClose = [...token, ...closeTag];
const markedInvoke = [...token, ...namedTag("invoke")];
const bareInvoke = namedTag("invoke");

const invoke = new Pattern("invoke", markedInvoke);
const looseInvoke = new Pattern("bare-invoke", bareInvoke);
/** A parameter as M2 writes it. */
const foreign = [token, []].map((lead) => new Pattern("foreign", [...lead, ...namedTag("parameter")]));
const close = new Pattern("close", markedClose);
const looseClose = new Pattern("close", closeTag);
const open = new Pattern("open", markedOpen);

/** Names of tags around calls. */
export const blocks: ReadonlySet<string> = new Set(["tool_call", "minimax:tool_call"]);
/** An argument where a call should begin. */
const nameless = [...token, "<", "(?!\\/|(?:minimax:)?tool_calls?>|invoke\\s|(?:mm:)?think)", markedName, ">"];
const bareBlockEnds = [...blocks].map((name) => new Pattern("block-end", literal(`</${name}>`)));
/** A second call that has no name yet. */
export const begunInvoke = new RegExp(`^(?:${token.join("")})?<invoke`);
/** What may stand in a block outside of calls. */
export const betweenInvokes = new PatternSet([
  invoke,
  looseInvoke,
  new Pattern("nameless", [], nameless),
  close,
  ...bareBlockEnds,
]);

/** By how the tags of a call are written. `bare`: some tags stand without the token, as servers hand them on that drop special tokens. */
export const grammars = {
  marked: {
    insideContainer: new PatternSet([invoke, ...foreign, open, close]),
    insideValue: new PatternSet([close]),
    /** What shows that a value is no text: tags in it, or nothing at all. */
    atValue: new PatternSet([
      new Pattern("open", [], [space, ...markedOpen]),
      new Pattern("close", [], [space, ...markedClose]),
    ]),
  },
  bare: {
    insideContainer: new PatternSet([
      invoke,
      looseInvoke,
      ...foreign,
      open,
      new Pattern("open", bareOpen),
      close,
      looseClose,
    ]),
    insideValue: new PatternSet([close, looseClose]),
    atValue: new PatternSet([
      new Pattern("open", [], [space, ...markedOpen]),
      new Pattern("bare-open", [], [space, ...bareOpen]),
      ...[markedClose, closeTag].map((tag) => new Pattern("close", [], [space, ...tag])),
    ]),
  },
};
/** A tag without the token at the beginning of a call. */
export const bareStart = new PatternSet([new Pattern("bare", [], [space, "<", ...bareName, ">"])]);

const markedBlock = [...token, ...literal("<tool_call>")];
const m2Block = literal("<minimax:tool_call>");
/** A call in the form of this reader that begins without the token. */
const bareCalls = [[], token].map((lead) => [...bareInvoke, space, ...lead, "<", ...bareName, ">"]);
/** As `CallReader.openers`. */
export const openers = [
  ...[markedBlock, m2Block, []].map(
    (block) => new Pattern("call", ["\\n?", ...block], block.length > 0 ? [space, ...markedInvoke] : markedInvoke),
  ),
  ...bareCalls.flatMap((call) => [
    new Pattern("call", ["\\n?", ...markedBlock], [space, ...call]),
    new Pattern("call", ["\\n?", ...m2Block], [space, ...call]),
    new Pattern("bare", ["\\n?", ...literal("<tool_call>")], [space, ...call]),
    new Pattern("bare", ["\\n?"], call),
  ]),
  new Pattern("block", ["\\n?", ...markedBlock], [space, ...nameless]),
  new Pattern("block", ["\\n?"], nameless),
];
/** As `CallReader.strays`. */
export const strays = [
  new Pattern("token", [...token, "<", "[^<>\\n]{1,256}", ">"]),
  new Pattern("token", token),
  new Pattern("stray", literal("</tool_call>")),
  new Pattern("stray", literal("</invoke>")),
];
