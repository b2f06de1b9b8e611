import { categoryNames, type Finding } from "./finding.ts";
import { normalize, NormalTable } from "./normalize.ts";

/** A word or phrase as its author wrote it. */
export interface Word extends Finding {
  text: string;
}

/** A word in its normalized form. */
export interface Pattern extends Finding {
  /** UTF-16 units of the normalized form. */
  length: number;
  /** It begins with a letter of a script with word spaces: no other such letter may stand before it. */
  edgeBefore: boolean;
  /** It ends with one: no other such letter may stand after it. */
  edgeAfter: boolean;
}

/**
 * All words at once (Aho and Corasick, 1975): one step for each normalized unit, however many words there are. Nodes are
 * numbered level by level, so that the children of one node stand side by side, sorted by label; node 0 is the root.
 */
export interface Automaton {
  /** How single characters are normalized. */
  table: NormalTable;
  patterns: readonly Pattern[];
  /** Normalized unit to label; 0 for units in no word. */
  labels: Uint16Array;
  /** Label to child of the root. */
  root: Int32Array;
  /** Node to its first child; the next entry ends the children. */
  children: Int32Array;
  /** Node to the label that leads into it. */
  label: Uint16Array;
  /** Node to the longest other node that is its ending. */
  fail: Int32Array;
  /** Node to the number of the pattern that ends there plus one; 0 for none. */
  ends: Int32Array;
  /** Node to the next shorter node where a pattern ends; 0 for none. */
  link: Int32Array;
  /** Node to how many of the last units may become a severe word. */
  hold: Int32Array;
  /** Units of the longest pattern. */
  maxUnits: number;
  hasSevere: boolean;
}

interface Branch {
  children: Map<number, Branch>;
  pattern: number;
  severe: boolean;
  depth: number;
}

/** Words with the same normalized form become one: the severe one, else the first. */
export function buildAutomaton(words: readonly Word[]): Automaton {
  const patterns: Pattern[] = [];
  const table = new NormalTable();
  const labels = new Uint16Array(65_536);
  const top = branch(0);
  let labelCount = 0;
  for (const word of words) {
    const normalized = normalizeWord(word.text, table);
    let node = top;
    for (let at = 0; at < normalized.length; at++) {
      const unit = normalized.charCodeAt(at);
      if (labels[unit] === 0) labels[unit] = ++labelCount;
      node = descend(node, labels[unit] ?? 0);
      node.severe ||= word.severity === "severe";
    }
    if (normalized !== "") place(node, word, { normalized, patterns });
  }
  const flat = flatten(top, labelCount + 1);
  const longest = patterns.reduce((most, { length }) => Math.max(most, length), 0);
  return {
    table,
    patterns,
    labels,
    ...flat,
    maxUnits: longest,
    hasSevere: top.children.size > 0 && flat.hasSevere,
  };
}

/** The form in which a word is looked for; `""` when all of it is invisible. */
export function normalizeWord(text: string, table?: NormalTable): string {
  return normalize(text, table).trim();
}

/** The state after one more unit. */
export function step(automaton: Automaton, state: number, unit: number): number {
  const label = automaton.labels[unit] ?? 0;
  if (label === 0) return 0;
  let node = state;
  while (node !== 0) {
    const child = childOf(automaton, node, label);
    if (child !== 0) return child;
    node = automaton.fail[node] ?? 0;
  }
  return automaton.root[label] ?? 0;
}

const wordLetter = /[\p{L}\p{N}\p{M}]/u;
/** Scripts that are written without spaces, or join endings to their words: there a word is found anywhere. */
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー]/u;

/** Whether a normalized unit is a letter or digit of a script that sets words apart. */
export function inWord(unit: number): boolean {
  if (unit < 0x80) return (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x30 && unit <= 0x39);
  const letter = String.fromCharCode(unit);
  return wordLetter.test(letter) && !unspaced.test(letter);
}

function branch(depth: number): Branch {
  return { children: new Map(), pattern: -1, severe: false, depth };
}

function descend(node: Branch, label: number): Branch {
  let child = node.children.get(label);
  if (child === undefined) {
    child = branch(node.depth + 1);
    node.children.set(label, child);
  }
  return child;
}

function place(node: Branch, word: Word, { normalized, patterns }: { normalized: string; patterns: Pattern[] }): void {
  const { category, severity } = word;
  if (category < 1 || category > categoryNames.length) throw new RangeError(`no category ${category}`);
  const known = patterns[node.pattern];
  if (known !== undefined) {
    if (known.severity === "mild" && severity === "severe") Object.assign(known, { category, severity });
    return;
  }
  node.pattern = patterns.length;
  const edgeBefore = inWord(normalized.charCodeAt(0));
  const edgeAfter = inWord(normalized.charCodeAt(normalized.length - 1));
  patterns.push({ length: normalized.length, category, severity, edgeBefore, edgeAfter });
}

type Flat = Pick<Automaton, "root" | "children" | "label" | "fail" | "ends" | "link" | "hold" | "hasSevere">;

function flatten(top: Branch, labelCount: number): Flat {
  const nodes: Branch[] = [top];
  const parents: number[] = [0];
  const labelList: number[] = [0];
  const starts: number[] = [];
  for (let id = 0; id < nodes.length; id++) {
    starts.push(nodes.length);
    const sorted = [...(nodes[id]?.children ?? [])].sort(([one], [other]) => one - other);
    for (const [label, child] of sorted) {
      nodes.push(child);
      parents.push(id);
      labelList.push(label);
    }
  }
  starts.push(nodes.length);
  const flat: Flat = {
    root: new Int32Array(labelCount),
    children: Int32Array.from(starts),
    label: Uint16Array.from(labelList),
    fail: new Int32Array(nodes.length),
    ends: Int32Array.from(nodes, (node) => node.pattern + 1),
    link: new Int32Array(nodes.length),
    hold: Int32Array.from(nodes, (node) => (node.severe ? node.depth : 0)),
    hasSevere: nodes.some((node) => node.severe),
  };
  for (let id = 1; id < nodes.length; id++) connect(flat, id, parents[id] ?? 0);
  return flat;
}

/** Fills what depends on shorter nodes; these come first in the numbering. */
function connect(flat: Flat, id: number, parent: number): void {
  const label = flat.label[id] ?? 0;
  if (parent === 0) {
    flat.root[label] = id;
    return;
  }
  let node = flat.fail[parent] ?? 0;
  let found = 0;
  while (found === 0) {
    found = node === 0 ? (flat.root[label] ?? 0) : childOf(flat, node, label);
    if (node === 0) break;
    node = flat.fail[node] ?? 0;
  }
  flat.fail[id] = found;
  flat.link[id] = (flat.ends[found] ?? 0) > 0 ? found : (flat.link[found] ?? 0);
  if (flat.hold[id] === 0) flat.hold[id] = flat.hold[found] ?? 0;
}

function childOf({ children, label }: Pick<Automaton, "children" | "label">, node: number, wanted: number): number {
  let low = children[node] ?? 0;
  let high = (children[node + 1] ?? 0) - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = label[middle] ?? 0;
    if (found === wanted) return middle;
    if (found < wanted) low = middle + 1;
    else high = middle - 1;
  }
  return 0;
}
