import { Ajv2020 } from "ajv/dist/2020.js";
import { Ajv } from "ajv";
import formatsModule from "ajv-formats";
import fc from "fast-check";
import type { JsonObject } from "../../src/model/json.ts";

/** Ajv is the judge: it shares no code with us. */
export function judge(schema: JsonObject): (value: unknown) => boolean {
  const options = { strict: false, allErrors: false, logger: false as const, multipleOfPrecision: 9 };
  const old = JSON.stringify(schema).includes('"items":[');
  const ajv = old ? new Ajv(options) : new Ajv2020(options);
  (formatsModule as unknown as (ajv: unknown) => void)(ajv);
  return ajv.compile(schema);
}

/** One keyword of a kind, or none. */
const keywords: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.constantFrom("string", "integer", "number", "boolean", "null", "object", "array").map((type) => ({ type })),
  fc.integer({ min: -20, max: 20 }).map((minimum) => ({ minimum })),
  fc.integer({ min: -20, max: 20 }).map((maximum) => ({ maximum })),
  fc.integer({ min: -20, max: 20 }).map((exclusiveMinimum) => ({ exclusiveMinimum })),
  fc.constantFrom(2, 3, 5, 10, 0.5).map((multipleOf) => ({ multipleOf })),
  fc.nat({ max: 8 }).map((minLength) => ({ minLength })),
  fc.nat({ max: 12 }).map((maxLength) => ({ maxLength })),
  fc.nat({ max: 3 }).map((minItems) => ({ minItems })),
  fc.nat({ max: 4 }).map((maxItems) => ({ maxItems })),
  fc.nat({ max: 2 }).map((minProperties) => ({ minProperties })),
  fc.nat({ max: 3 }).map((maxProperties) => ({ maxProperties })),
  fc.constantFrom("^a", "b+$", "^[a-z]{2,5}$", "^x?y*$|^z", "\\d", "^(ab|c)+$").map((pattern) => ({ pattern })),
  fc.constantFrom("email", "date", "ipv6", "uuid", "uri").map((format) => ({ format })),
  fc.constantFrom<JsonObject>({ enum: ["a", 2, null, "abc"] }, { const: 3 }, { enum: [1, 5, 12.5, true] }),
  fc.subarray(["a", "b", "c"]).map((required) => ({ required })),
  fc.constantFrom<JsonObject>({ uniqueItems: true }, { additionalProperties: false }, { items: false }),
  fc.constantFrom<JsonObject>({ contains: true }, { unevaluatedItems: false }, { unevaluatedProperties: false }),
  fc.constantFrom<JsonObject>(
    { dependentSchemas: { a: false } },
    { type: "integer", nullable: true },
    { enum: [{ a: 1 }, [2], "b"] },
  ),
  fc.constantFrom<JsonObject>({ propertyNames: { enum: ["a", "xyz"], maxLength: 2 } }, { propertyNames: { const: 5 } }),
);

/** Schemas of any keywords. */
export const { schema: anySchema } = fc.letrec<{ schema: JsonObject }>((tie) => ({
  schema: fc
    .tuple(
      fc.array(keywords, { maxLength: 3 }),
      fc.array(
        fc.oneof(
          { maxDepth: 3, depthSize: "small" },
          fc.constant({}),
          fc
            .dictionary(fc.constantFrom("a", "b", "c"), tie("schema"), { maxKeys: 3, noNullPrototype: true })
            .map((properties) => ({ properties })),
          tie("schema").map((additionalProperties) => ({ additionalProperties })),
          tie("schema").map((items) => ({ items })),
          fc.array(tie("schema"), { minLength: 1, maxLength: 2 }).map((prefixItems) => ({ prefixItems })),
          fc.array(tie("schema"), { minLength: 1, maxLength: 2 }).map((anyOf) => ({ anyOf })),
          fc.array(tie("schema"), { minLength: 1, maxLength: 2 }).map((oneOf) => ({ oneOf })),
          fc.array(tie("schema"), { minLength: 1, maxLength: 2 }).map((allOf) => ({ allOf })),
          tie("schema").map((not) => ({ not })),
        ),
        { maxLength: 2 },
      ),
    )
    .map(([some, more]) => Object.assign({}, ...some, ...more) as JsonObject),
}));
