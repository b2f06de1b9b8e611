import { arrayForm, type Field, fieldsOf, textForm } from "../../lib/json-schema/form.ts";
import type { SchemaReader } from "../../lib/json-schema/reader.ts";
import { type Schema, typeOf, valuesOf } from "../../lib/json-schema/schema.ts";
import { copySteps } from "../../lib/json-schema/work.ts";
import { pathsOf } from "../../lib/regex/paths.ts";
import { unusable } from "../schema-path.ts";

/**
 * Readings of an answer's text that llama.cpp follows side by side. It has no bound of its own, and a token takes time
 * with the square of their number: 4,000 take 0.4 s, and two alternatives that hold each other double them per level.
 */
const maxReadings = 500;
/** The same for the ways through patterns, of all texts that may stand at one place. */
const maxPaths = 5_000;

/** Alternatives of one place, the fields of each from `at` on still to be read. */
interface ObjectWay {
  fields: readonly Field[];
  /** The schema of properties without a name of their own, where the object may have any. */
  open?: { part: unknown };
}

/**
 * Throws `invalid` for a schema of which a text may be read in too many ways at once: its alternatives, of one type, have
 * to differ in the properties that come first, by name or by `const` and `enum`, before they hold each other.
 */
export function requireNarrow(reader: SchemaReader, root: unknown): void {
  const check = new WidthCheck(reader);
  check.run(root);
}

class WidthCheck {
  // fixed at birth
  private readonly reader: SchemaReader;
  private readonly numbers = new Map<Schema, number>();
  // changed by events
  /** Lists of alternatives that were looked at or are going to be, by the numbers of their schemas. */
  private readonly seen = new Set<string>();
  /** Lists that are still to be looked at. */
  private readonly open: (readonly Schema[])[] = [];

  constructor(reader: SchemaReader) {
    this.reader = reader;
  }

  run(root: unknown): void {
    this.add([root]);
    for (let ways = this.open.pop(); ways !== undefined; ways = this.open.pop()) this.look(ways);
  }

  /** Parts that may stand at one place. */
  private add(parts: readonly unknown[]): void {
    const ways = parts.flatMap((part) => this.reader.alternatives(part)).filter((way) => valuesOf(way) === undefined);
    this.reader.spend(ways.length);
    if (ways.length === 0) return;
    const key = ways
      .map((way) => this.numberOf(way))
      .toSorted((one, other) => one - other)
      .join();
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.open.push(ways);
  }

  private numberOf(schema: Schema): number {
    const known = this.numbers.get(schema) ?? this.numbers.size;
    this.numbers.set(schema, known);
    return known;
  }

  private look(ways: readonly Schema[]): void {
    for (const way of ways) this.reader.spend(copySteps(way));
    const ofType = (type: string): readonly Schema[] => ways.filter((way) => (typeOf(way) ?? type) === type);
    const [objects, arrays, texts] = [ofType("object"), ofType("array"), ofType("string")];
    if (Math.max(objects.length, arrays.length, texts.length) > maxReadings) throw tooWide();
    this.texts(texts);
    this.arrays(arrays);
    this.objects(objects.map(objectWay), 0);
  }

  private texts(ways: readonly Schema[]): void {
    if (ways.length < 2) return;
    let paths = 0;
    for (const way of ways) {
      const form = textForm(way);
      paths += form === undefined ? 1 : pathsOf(form);
      if (paths > maxPaths) throw tooWide();
    }
  }

  private arrays(ways: readonly Schema[]): void {
    const forms = ways.map(arrayForm);
    const listed = forms.reduce((most, { first }) => Math.max(most, first.length), 0);
    for (let at = 0; at < listed; at++) {
      this.add(forms.map(({ first, rest }) => (at < first.length ? first[at] : rest)));
    }
    if (forms.length > 0) this.add(forms.map(({ rest }) => rest));
  }

  /** Objects whose first `at` fields were alike. */
  private objects(ways: readonly ObjectWay[], at: number): void {
    for (let next = at, alike = ways; alike.length > 0; next += 1) {
      const groups = this.apart(alike, next);
      if (groups === undefined) return this.mixed(alike, next);
      for (const group of groups) this.add(group.map(({ fields }) => fields[next]?.part));
      const [only] = groups;
      if (groups.length > 1 || only === undefined) {
        for (const group of groups) this.objects(group, next + 1);
        return;
      }
      alike = only;
    }
  }

  /** The objects by what the next field shows of them; undefined where it may be missing or have any name. */
  private apart(ways: readonly ObjectWay[], at: number): readonly (readonly ObjectWay[])[] | undefined {
    const byName = new Map<string, ObjectWay[]>();
    for (const way of ways) {
      const field = way.fields[at];
      if (way.open !== undefined || field?.required !== true) return undefined;
      const known = byName.get(field.name);
      if (known === undefined) byName.set(field.name, [way]);
      else known.push(way);
    }
    return [...byName.values()].flatMap((group) => this.byValue(group, at));
  }

  /** Objects apart whose field has other values. */
  private byValue(ways: readonly ObjectWay[], at: number): readonly (readonly ObjectWay[])[] {
    let groups: { ways: ObjectWay[]; values: Set<string> }[] = [];
    const byValue = new Map<string, (typeof groups)[number]>();
    for (const way of ways) {
      const values = this.reader.alternatives(way.fields[at]?.part).map(valuesOf);
      if (values.includes(undefined)) return [ways];
      const texts = values.flatMap((some) => (some ?? []).map((value) => JSON.stringify(value)));
      this.reader.spend(texts.length);
      const met = new Set(texts.map((text) => byValue.get(text)).filter((group) => group !== undefined));
      const all = [...met];
      const group = { ways: [...all.flatMap((one) => one.ways), way], values: new Set(texts) };
      for (const one of all) for (const text of one.values) group.values.add(text);
      for (const text of group.values) byValue.set(text, group);
      if (met.size > 0) groups = groups.filter((one) => !met.has(one));
      groups.push(group);
    }
    return groups.map((group) => group.ways);
  }

  /** Fields that may come in several orders: those of one name may be read side by side. */
  private mixed(ways: readonly ObjectWay[], at: number): void {
    const byName = new Map<string, unknown[]>();
    for (const { fields } of ways) {
      for (const { name, part } of fields.slice(at)) {
        const known = byName.get(name);
        if (known === undefined) byName.set(name, [part]);
        else known.push(part);
      }
    }
    const open = ways.flatMap((way) => (way.open === undefined ? [] : [way.open.part]));
    for (const parts of byName.values()) this.add([...parts, ...open]);
    if (open.length > 0) this.add(open);
  }
}

function objectWay(schema: Schema): ObjectWay {
  const fields = fieldsOf(schema);
  return fields === undefined ? { fields: [], open: { part: schema["additionalProperties"] } } : { fields };
}

function tooWide(): Error {
  return unusable("has alternatives that begin alike and hold each other: an answer could be read in too many ways");
}
