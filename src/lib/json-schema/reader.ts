import { clashing, excluded, intersect, type Marked } from "./intersect.ts";
import { resolvePointer } from "./pointer.ts";
import { isOfType } from "./form.ts";
import { isSchema, type Schema, typeNamed, valuesOf } from "./schema.ts";
import { copySteps, readSteps, weightOf, WorkBudget } from "./work.ts";

export interface SchemaReaderOptions {
  /** References that point nowhere, or to another document: an error, or anything goes. */
  missing: "refuse" | "allow";
  /** Makes the error for a schema that cannot be read, from a problem such as "is too complex". */
  refuse: (problem: string) => Error;
  /** Shared by all schemas of one request; default one of its own. */
  work?: WorkBudget | undefined;
}

/** Steps of one intersection, besides what its size costs. */
const intersectionSteps = 6;
/** Schemas within each other, references followed. */
const maxDepth = 400;
const anything: Schema = Object.freeze({});

/**
 * Reads one JSON Schema. Every part of it has a normal form: the list of its alternatives, each a schema without `$ref`,
 * `allOf`, `anyOf` and `oneOf`, with one type at most. References are followed and keywords beside them hold too (as
 * since draft 2019-09), `allOf` is intersected, `anyOf`, `oneOf`, lists of types and OpenAPI's `nullable` become
 * alternatives; those of `oneOf` carry what they must not be besides. Lists in `items` (before 2020) are read as
 * `prefixItems`, bounds that are excluded by `true` (draft 4) as numbers. Properties and items stay as they are, to be read in
 * turn, so schemas may contain themselves. The work is bounded: a schema that asks for more is refused.
 */
export class SchemaReader {
  // fixed at birth
  private readonly root: unknown;
  private readonly options: SchemaReaderOptions;
  private readonly work: WorkBudget;
  // changed by events
  /** Alternatives by schema; of one that is being read they are none, so a schema that is only itself allows nothing. */
  private readonly known = new Map<Schema, readonly Schema[]>();
  /** Conjunctions by the numbers of their parts: of the same parts there is one only, or recursive ones had no end. */
  private readonly joined = new Map<string, Schema>();
  private readonly numbers = new Map<Schema, number>();
  /** Schemas by their `$anchor`; made when a reference asks for one. */
  private anchors: Map<string, Schema> | undefined;
  private depth = 0;
  /** Whether the whole schema is too large to be read; found out when the first part is looked at. */
  private tooLarge: boolean | undefined;

  constructor(root: unknown, options: SchemaReaderOptions) {
    this.root = root;
    this.options = options;
    this.work = options.work ?? new WorkBudget();
  }

  /**
   * The normal form of a part; the same list and the same schemas each time. Empty: no value fits. What is no schema
   * (`true`, or a caller's mistake) allows anything, `false` nothing.
   */
  alternatives(part: unknown): readonly Schema[] {
    if (part === false) return [];
    if (!isSchema(part)) return [anything];
    const known = this.known.get(part);
    if (known !== undefined) return known;
    this.measure();
    this.known.set(part, []);
    const found = this.within(() => this.normalized(part));
    this.known.set(part, found);
    return found;
  }

  private measure(): void {
    if (this.tooLarge === undefined) {
      const weight = weightOf(this.root);
      this.tooLarge = weight === undefined;
      if (weight !== undefined) this.spend(readSteps(weight));
    }
    if (this.tooLarge) throw this.options.refuse("is too large");
  }

  /** Does something for a schema within another one; refuses when they nest too deep. */
  within<Result>(read: () => Result): Result {
    if (this.depth >= maxDepth)
      throw this.options.refuse("is too complex: it holds schemas within each other without end");
    this.depth += 1;
    try {
      return read();
    } finally {
      this.depth -= 1;
    }
  }

  private normalized(schema: Schema): readonly Schema[] {
    const { $ref, allOf, anyOf, oneOf, nullable, ...rest } = schema;
    this.spend(2 + Object.keys(rest).length);
    let found = this.typed(modern(rest));
    if (typeof $ref === "string") found = this.product(this.alternatives(this.target($ref)), found);
    for (const part of listOf(allOf) ?? []) found = this.product(found, this.alternatives(part));
    const ways = listOf(anyOf);
    if (ways !== undefined) found = this.product(found, this.unique(ways.flatMap((way) => this.alternatives(way))));
    const exclusive = listOf(oneOf);
    if (exclusive !== undefined) found = this.product(found, this.exclusive(exclusive));
    return nullable === true ? [...found, nullOf(schema)] : found;
  }

  private exclusive(ways: readonly unknown[]): readonly Schema[] {
    if (ways.length < 2) return ways.flatMap((way) => this.alternatives(way));
    return ways.flatMap((way, except) => {
      const mark = { [excluded]: [{ ways, except }] };
      return this.alternatives(way)
        .map((one) => this.intersected(one, mark))
        .filter((one) => one !== undefined);
    });
  }

  /** One schema per type; `const` and `enum` say by themselves which types there are. */
  private typed(schema: Schema): readonly Schema[] {
    const { type, ...rest } = schema;
    const words = listOf(type);
    if (words === undefined) return [typeNamed(type) === undefined ? rest : { ...rest, type: typeNamed(type) }];
    const names = new Set(words.map(typeNamed));
    const values = valuesOf(rest);
    if (words.length > 0 && values !== undefined) {
      const { const: _, ...others } = rest;
      const fits = (value: unknown): boolean => [...names].some((name) => name === undefined || isOfType(value, name));
      return values.every(fits) ? [rest] : [{ ...others, enum: values.filter(fits) }];
    }
    return [...names].map((name) => (name === undefined ? rest : { ...rest, type: name }));
  }

  /** Every alternative of the one with every alternative of the other. */
  private product(some: readonly Schema[], others: readonly Schema[]): readonly Schema[] {
    if (isFree(some)) return others;
    if (isFree(others)) return some;
    const found: Schema[] = [];
    for (const one of some) {
      for (const other of others) {
        const both = one === other ? one : this.intersected(one, other);
        if (both !== undefined) found.push(both);
      }
    }
    return this.unique(found);
  }

  private intersected(one: Schema, other: Schema): Schema | undefined {
    this.spend(intersectionSteps + stepsOf(one) + stepsOf(other));
    return intersect(one, other, (first, second) => this.join(first, second));
  }

  private unique(schemas: readonly Schema[]): readonly Schema[] {
    this.spend(schemas.length);
    return schemas.length < 2 ? schemas : [...new Set(schemas)];
  }

  /** Two sub-schemas as one, which is read when it is looked at. */
  private join(one: unknown, other: unknown): unknown {
    if (!isSchema(one)) return isSchema(other) ? other : one;
    if (!isSchema(other)) return one;
    const parts = [...new Set([...this.conjuncts(one), ...this.conjuncts(other)])];
    if (parts.length === 1) return parts[0];
    const key = parts.map((part) => this.numberOf(part)).join();
    const known = this.joined.get(key);
    if (known !== undefined) return known;
    const made: Schema = { allOf: parts };
    this.joined.set(key, made);
    return made;
  }

  /** The schemas that a part stands for, where it is only a reference or only an `allOf`. */
  private conjuncts(part: Schema): readonly Schema[] {
    this.spend(1);
    if (Object.keys(part).length !== 1) return [part];
    const { $ref, allOf } = part;
    if (typeof $ref === "string") return this.within(() => this.conjuncts(this.target($ref)));
    return (
      listOf(allOf)
        ?.filter(isSchema)
        .flatMap((one) => this.within(() => this.conjuncts(one))) ?? [part]
    );
  }

  private numberOf(schema: Schema): number {
    const known = this.numbers.get(schema) ?? this.numbers.size;
    this.numbers.set(schema, known);
    return known;
  }

  private target(reference: string): Schema {
    const found = this.anchored(reference) ?? resolvePointer(this.root, reference);
    if (isSchema(found)) return found;
    if (this.options.missing === "allow") return anything;
    throw this.options.refuse(`'$ref' ${reference} points nowhere in the schema`);
  }

  /** The schema that a reference names by its `$anchor`. */
  private anchored(reference: string): Schema | undefined {
    if (!/^#[^/]/.test(reference)) return undefined;
    if (this.anchors === undefined) {
      this.anchors = new Map();
      this.collectAnchors(this.root, this.anchors);
    }
    return this.anchors.get(reference.slice(1));
  }

  private collectAnchors(part: unknown, found: Map<string, Schema>): void {
    if (typeof part !== "object" || part === null) return;
    this.spend(1);
    const { $anchor } = part as Schema;
    if (isSchema(part) && typeof $anchor === "string" && !found.has($anchor)) found.set($anchor, part);
    for (const inner of Object.values(part)) this.within(() => this.collectAnchors(inner, found));
  }

  /** Counts work for the schema; refuses when there is too much of it. */
  spend(steps: number): void {
    if (!this.work.take(steps)) throw this.options.refuse("is too complex");
  }
}

/** Older drafts' forms of keywords as 2020-12 has them. */
function modern(schema: Schema): Schema {
  const { items, additionalItems, exclusiveMinimum, exclusiveMaximum, minimum, maximum, ...rest } = schema;
  const list = listOf(items);
  if (list === undefined && typeof exclusiveMinimum !== "boolean" && typeof exclusiveMaximum !== "boolean") {
    if (additionalItems === undefined) return schema;
    const { additionalItems: _, ...others } = schema;
    return others;
  }
  const behind = list === undefined ? items : additionalItems;
  return {
    ...rest,
    ...(list === undefined ? {} : { prefixItems: list }),
    ...(behind === undefined ? {} : { items: behind }),
    ...(minimum === undefined || exclusiveMinimum === true ? {} : { minimum }),
    ...(maximum === undefined || exclusiveMaximum === true ? {} : { maximum }),
    ...limit("exclusiveMinimum", exclusiveMinimum, minimum),
    ...limit("exclusiveMaximum", exclusiveMaximum, maximum),
  };
}

function limit(word: string, exclusive: unknown, bound: unknown): Schema {
  if (typeof exclusive !== "boolean") return exclusive === undefined ? {} : { [word]: exclusive };
  return exclusive && bound !== undefined ? { [word]: bound } : {};
}

function listOf(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? (value as unknown[]) : undefined;
}

/** The null that OpenAPI's `nullable` allows; whether it does beside keywords that exclude null is not agreed upon. */
function nullOf(schema: Schema): Marked {
  const { $ref, allOf, anyOf, oneOf, not, if: condition } = schema;
  const others = [$ref, allOf, anyOf, oneOf, not, condition];
  const isAgreed = others.every((one) => one === undefined) && (valuesOf(schema)?.includes(null) ?? true);
  return isAgreed ? { type: "null" } : { type: "null", [clashing]: ["nullable"] };
}

/** One alternative that excludes nothing. */
function isFree(alternatives: readonly Schema[]): boolean {
  const [only] = alternatives;
  return alternatives.length === 1 && only !== undefined && Reflect.ownKeys(only).length === 0;
}

/** What an intersection costs for the one side. */
function stepsOf(schema: Marked): number {
  return copySteps(schema) + (schema[excluded]?.length ?? 0);
}
