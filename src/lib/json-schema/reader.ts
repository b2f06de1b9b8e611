import { intersect } from "./intersect.ts";
import { resolvePointer } from "./pointer.ts";
import { isSchema, type Schema, typeNamed, valuesOf } from "./schema.ts";

export interface SchemaReaderOptions {
  /** References that point nowhere, or to another document: an error, or anything goes. */
  missing: "refuse" | "allow";
  /** Makes the error for a schema that cannot be read, from a problem such as "is too complex". */
  refuse: (problem: string) => Error;
}

/** Schemas looked at and made, in all; real ones of whole APIs stay below a tenth of it. */
const maxSteps = 100_000;
/** Schemas within each other, references followed. */
const maxDepth = 400;
const anything: Schema = Object.freeze({});

/**
 * Reads one JSON Schema. Every part of it has a normal form: the list of its alternatives, each a schema without `$ref`,
 * `allOf`, `anyOf` and `oneOf`, with one type at most. References are followed and keywords beside them hold too (as
 * since draft 2019-09), `allOf` is intersected, `anyOf`, `oneOf`, lists of types and OpenAPI's `nullable` become
 * alternatives; of `oneOf`, that no second one may fit is not read. Properties and items stay as they are, to be read in
 * turn, so schemas may contain themselves. The work is bounded: a schema that asks for more is refused.
 */
export class SchemaReader {
  // fixed at birth
  private readonly root: unknown;
  private readonly options: SchemaReaderOptions;
  // changed by events
  /** Alternatives by schema; of one that is being read they are none, so a schema that is only itself allows nothing. */
  private readonly known = new Map<Schema, readonly Schema[]>();
  /** Conjunctions by the numbers of their parts: of the same parts there is one only, or recursive ones had no end. */
  private readonly joined = new Map<string, Schema>();
  private readonly numbers = new Map<Schema, number>();
  private steps = 0;
  private depth = 0;

  constructor(root: unknown, options: SchemaReaderOptions) {
    this.root = root;
    this.options = options;
  }

  /**
   * The normal form of a part; the same list and the same schemas each time. Empty: no value fits. What is no schema
   * (`true`, or a caller's mistake) allows anything.
   */
  alternatives(part: unknown): readonly Schema[] {
    if (!isSchema(part)) return [anything];
    const known = this.known.get(part);
    if (known !== undefined) return known;
    this.known.set(part, []);
    const found = this.within(() => this.normalized(part));
    this.known.set(part, found);
    return found;
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
    this.spend(1);
    let found = this.typed(rest);
    if (typeof $ref === "string") found = this.product(this.alternatives(this.target($ref)), found);
    for (const part of listOf(allOf) ?? []) found = this.product(found, this.alternatives(part));
    for (const ways of [listOf(anyOf), listOf(oneOf)]) {
      if (ways !== undefined) found = this.product(found, this.unique(ways.flatMap((way) => this.alternatives(way))));
    }
    if (nullable === true) found = [...found, { type: "null" }];
    return found;
  }

  /** One schema per type; `const` and `enum` say by themselves which types there are. */
  private typed(schema: Schema): readonly Schema[] {
    const { type, ...rest } = schema;
    const words = listOf(type);
    if (words === undefined) return [typeNamed(type) === undefined ? rest : { ...rest, type: typeNamed(type) }];
    if (words.length > 0 && valuesOf(rest) !== undefined) return [rest];
    const names = new Set(words.map(typeNamed));
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
    this.spend(Object.keys(one).length + Object.keys(other).length + sizeOf(one) + sizeOf(other));
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
    const found = resolvePointer(this.root, reference);
    if (isSchema(found)) return found;
    if (this.options.missing === "allow") return anything;
    throw this.options.refuse(`'$ref' ${reference} points nowhere in the schema`);
  }

  private spend(steps: number): void {
    this.steps += steps;
    if (this.steps > maxSteps) throw this.options.refuse("is too complex");
  }
}

function listOf(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? (value as unknown[]) : undefined;
}

/** One alternative that excludes nothing. */
function isFree(alternatives: readonly Schema[]): boolean {
  const [only] = alternatives;
  return alternatives.length === 1 && only !== undefined && Object.keys(only).length === 0;
}

/** What copying a schema costs beside its keywords. */
function sizeOf({ properties, required, enum: values }: Schema): number {
  const lists = (Array.isArray(required) ? required.length : 0) + (Array.isArray(values) ? values.length : 0);
  return lists + (isSchema(properties) ? Object.keys(properties).length : 0);
}
