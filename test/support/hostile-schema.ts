type Random = (below: number) => number;
type Values = readonly unknown[];

/** Whole numbers from 0 to below the argument, the same for the same seed. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const types = ["object", "array", "string", "integer", "number", "boolean", "null", "dict", "weird", ""];
const references = [
  ...["#", "#/$defs/a0", "#/$defs/a1", "#/$defs/a2", "#/definitions/a0", "#/properties/p0", "#/allOf/0", "#/items"],
  ...["#x", "http://e/x", "#/%zz", "#/$defs/nowhere", "#/$defs/a0/properties/p0"],
];
const patterns = [
  ...["^((a+)+)+$", "(a|a)*b", "^(([a-z]{1,50}){1,50}){1,50}$", "(?=x)", "\\p{L}+", "[\\p{L}-a]", "(", "[", "\\"],
  ...["^(a{0,100}b{0,100}){0,100}$", "a{1000000000}", "^(.{0,100}){0,100}.{0,100}$", "\\u{110000}"],
  `^${"a?".repeat(900)}$`,
  "[a-z0-9]".repeat(490),
  "(a|b|c|d|e|f)*".repeat(280),
  "(".repeat(49) + "a" + "){1,3}".repeat(49),
  "[^\\u0000-\\uffff]{100}",
];
const numbers = [0, 1, -1, 2, 0.1, 1e-300, 5e-324, 1e300, 2 ** 53, -(2 ** 53), 3e6, 1000, 1001, 7, 1e15, 0.000001];
const names = ["p0", "p1", "p2", "a", "__proto__", "constructor", "", "\0", "é"];
const keywords = [
  ...["type", "enum", "const", "$ref", "$defs", "definitions", "allOf", "anyOf", "oneOf", "not", "if", "then", "else"],
  ...["properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties"],
  ...["maxProperties", "dependentRequired", "dependentSchemas", "items", "prefixItems", "additionalItems", "contains"],
  ...["minItems", "maxItems", "uniqueItems", "pattern", "format", "minLength", "maxLength", "minimum", "maximum"],
  ...["exclusiveMinimum", "exclusiveMaximum", "multipleOf", "default", "nullable", "$anchor", "$dynamicRef"],
  ...["unevaluatedProperties", "minContains", "description"],
];
const lists = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const maps = new Set(["$defs", "definitions", "properties", "patternProperties", "dependentSchemas"]);

/** One schema: any keyword with any value, at any place. */
export class HostileSchemas {
  // fixed at birth
  private readonly random: Random;
  // changed by events
  /** Keywords that the schema may still get. */
  private left = 0;

  constructor(seed: number) {
    this.random = seeded(seed);
  }

  next(): Record<string, unknown> {
    this.left = 60 + this.random(200);
    const root = this.schema(0);
    if (this.random(2) === 0) return root;
    return { ...root, $defs: { a0: this.part(0), a1: this.part(0), a2: this.part(0) } };
  }

  private pick<One>(all: readonly One[]): One {
    return all[this.random(all.length)] as One;
  }

  private many(most: number, make: () => unknown): Values {
    return Array.from({ length: this.random(most) }, make);
  }

  private schema(depth: number): Record<string, unknown> {
    const made: Record<string, unknown> = {};
    for (let count = 1 + this.random(5); count > 0; count--) {
      this.left -= 1;
      const word = this.pick(keywords);
      made[word] = this.random(8) === 0 ? this.any(depth) : this.value(word, depth);
    }
    return made;
  }

  private part(depth: number): unknown {
    if (this.random(12) === 0) return this.any(depth);
    if (this.left > 0 && depth < 8) return this.schema(depth + 1);
    return this.pick<unknown>([true, {}, { type: "string" }, false, { $ref: this.pick(references) }]);
  }

  private any(depth: number): unknown {
    const makers: (() => unknown)[] = [
      () => this.pick<unknown>([null, true, false, {}, [], "", "\ud800", "x".repeat(50)]),
      () => this.pick(numbers),
      () => this.pick(patterns),
      () => this.pick(references),
      () => this.many(4, () => this.pick<unknown>([null, 1, {}, "a", true])),
      () => (depth > 6 ? {} : this.schema(depth + 1)),
    ];
    return this.pick(makers)();
  }

  private value(word: string, depth: number): unknown {
    if (lists.has(word)) return this.many(this.random(20) === 0 ? 40 : 4, () => this.part(depth));
    if (maps.has(word)) {
      const entries = this.many(this.random(30) === 0 ? 300 : 5, () => [this.pick(names), this.part(depth)]);
      return Object.fromEntries(entries as (readonly [string, unknown])[]);
    }
    if (/^(?:min|max|exclusive|multiple)/.test(word)) return this.pick(numbers);
    switch (word) {
      case "type":
        return this.random(4) === 0 ? this.many(5, () => this.pick(types)) : this.pick(types);
      case "enum":
        return this.many(this.random(10) === 0 ? 3_000 : 6, () => this.pick<unknown>([this.random(99), "a", null, {}]));
      case "required":
        return this.many(5, () => this.pick<unknown>([...names, null, 1, {}, true]));
      case "$ref":
      case "$dynamicRef":
        return this.pick(references);
      case "pattern":
        return this.pick(patterns);
      case "format":
        return this.pick(["date", "uuid", "email", "ipv6", "weird", "regex"]);
      case "const":
      case "default":
        return this.any(depth);
      default:
        return this.pick<unknown>([true, false, "x", this.part(depth)]);
    }
  }
}

/** `$defs` a0, a1, ... of which each is made of the next one's reference; the last one is `end`. */
export function chained(
  length: number,
  link: (next: { $ref: string }) => unknown,
  end: unknown,
): Record<string, unknown> {
  const all = Array.from({ length }, (_, at) => [`a${at}`, link({ $ref: `#/$defs/a${at + 1}` })] as const);
  return { $ref: "#/$defs/a0", $defs: { ...Object.fromEntries(all), [`a${length}`]: end } };
}

function indexed(count: number, make: (at: number) => unknown): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`p${at}`, make(at)]));
}

function listed(count: number, make: (at: number) => unknown): Values {
  return Array.from({ length: count }, (_, at) => make(at));
}

/** Schemas that ask for work without end or for much of it, by what they do. */
export const bombs: readonly (readonly [string, Record<string, unknown>])[] = [
  ...["allOf", "anyOf", "oneOf"].flatMap((word) =>
    [{ type: "object" }, {}, { type: ["string", "number", "null"] }].flatMap((end) => [
      [`${word} of two, 24 levels`, chained(24, (next) => ({ [word]: [next, next] }), end)] as const,
      [
        `${word} of two alike, 24 levels`,
        chained(24, (next) => ({ [word]: [{ ...next, title: "t" }, next] }), end),
      ] as const,
      [
        `${word} in properties, 24 levels`,
        chained(
          24,
          (next) => ({ required: ["l", "r"], properties: { l: { [word]: [next, { ...next }] }, r: next } }),
          end,
        ),
      ] as const,
    ]),
  ),
  ["one of 3,000", { oneOf: listed(3_000, (at) => ({ properties: { k: { const: at } }, required: ["k"] })) }],
  ["one of 20,000 texts", { oneOf: listed(20_000, (at) => ({ const: `v${at}` })) }],
  [
    "1,000 with 1,000",
    { allOf: [0, 1].map((k) => ({ anyOf: listed(1_000, (at) => ({ properties: { [k]: { const: at } } })) })) },
  ],
  ["20,000 properties", { type: "object", properties: indexed(20_000, () => ({ type: "string" })) }],
  [
    "3,000 patterns",
    { properties: indexed(3_000, (at) => ({ pattern: `^([a-z]{1,50}-){1,${at % 90}}${"[^x]".repeat(500)}$` })) },
  ],
  [
    "3,000 formats",
    { type: "object", properties: indexed(3_000, () => ({ type: "string", format: "uri", maxLength: 30 })) },
  ],
  [
    "3,000 multiples",
    { properties: indexed(3_000, (at) => ({ multipleOf: 1 + at / 1000, minimum: 0, maximum: 999 })) },
  ],
  [
    "propertyNames",
    { propertyNames: { enum: listed(10_000, (at) => `p${at}`) }, properties: indexed(10_000, () => ({})) },
  ],
  ["300,000 values", { enum: listed(300_000, (at) => at) }],
  ["values with values", { allOf: listed(5, () => ({ enum: listed(3_000, (at) => ({ at, text: "x".repeat(20) })) })) }],
  ["a text of 5 MB", { const: "x".repeat(5 << 20) }],
  ["a name of 5 MB", { properties: { ["x".repeat(5 << 20)]: {} } }],
  ["a default of 5 MB", { type: "array", minItems: 1000, items: { type: "string", default: "x".repeat(5 << 20) } }],
  [
    "a default of 900 kB, often",
    { type: "array", minItems: 1000, items: { type: "string", default: "x".repeat(900_000) } },
  ],
  [
    "lists of lists of lists",
    { minItems: 1000, items: { minItems: 1000, items: { minItems: 1000, items: { minLength: 1000 } } } },
  ],
  ["3,000,000 properties", { type: "object", minProperties: 3_000_000 }],
  ["unlike items", { minItems: 1000, uniqueItems: true, items: { enum: listed(20_000, (at) => `v${at}`) } }],
  ["pointers of 3,000 steps", { properties: indexed(3_000, () => ({ $ref: `#${"/".repeat(3_000)}` })) }],
  ["anchors", { $ref: "#x0", $defs: indexed(20_000, (at) => ({ $anchor: `x${at}`, $ref: `#x${at + 1}` })) }],
];
