import { describe, expect, it } from "vitest";
import { requireHeld } from "../../src/engine/held.ts";
import { constraintFor } from "../../src/engine/llama/constraint.ts";
import type { CallMarkup } from "../../src/engine/markup/markup.ts";
import { sampleValue } from "../../src/engine/sim/schema-value.ts";
import { ParleyError } from "../../src/model/error.ts";
import type { JsonObject } from "../../src/model/json.ts";
import type { GenerationRequest } from "../../src/model/request.ts";
import { cpuMs } from "../support/cpu.ts";
import { bombs, HostileSchemas } from "../support/hostile-schema.ts";
import { generationRequest } from "../support/request.ts";

/** A schema as the format of an answer, and as the parameters of a tool that has to be called. */
function requests(schema: JsonObject, strict: boolean): readonly GenerationRequest[] {
  return [
    generationRequest({ format: { type: "schema", schema, strict, path: "schema" } }),
    generationRequest({ tools: [{ name: "f", parameters: schema, strict }], toolChoice: "required" }),
  ];
}

/** Everything that is done with a caller's schema before an answer begins. */
const uses: Readonly<Record<string, (schema: JsonObject) => unknown>> = {
  "the simulator's value": (schema) => sampleValue(schema, "all"),
  "the simulator's strict value": (schema) => sampleValue(schema, "defaults", { fit: "exact" }),
  "what is held": (schema) => requests(schema, true).map(requireHeld),
  ...Object.fromEntries(
    (["m2", "m3", "json"] as CallMarkup[]).map((calls) => [
      `a grammar for ${calls}`,
      (schema: JsonObject) => requests(schema, false).map((request) => grammar(request, calls)),
    ]),
  ),
};

function grammar(request: GenerationRequest, calls: CallMarkup): unknown {
  return constraintFor(request, { calls, think: { tags: ["think"], startsInside: false }, limit: 1_000 });
}

/** Milliseconds of processor time, of the second try: the first one also compiles. Any error but the caller's fails. */
function spent(use: (schema: JsonObject) => unknown, schema: JsonObject): number {
  const once = (): void => {
    try {
      use(schema);
    } catch (thrown) {
      if (!(thrown instanceof ParleyError) || thrown.kind !== "invalid") throw thrown;
    }
  };
  const first = cpuMs(once);
  return first < 50 ? first : cpuMs(once);
}

describe("a hostile schema", () => {
  // some 40 ms are what the steps allow; the rest is for a busy machine
  const most = 200;

  it.each(Object.entries(uses))("takes no time: %s", (_, use) => {
    for (const [name, schema] of bombs) {
      expect({ name, slow: spent(use, schema as JsonObject) > most }).toEqual({ name, slow: false });
    }
  });

  it.each(Object.entries(uses))("is a value or the caller's mistake: %s", (_, use) => {
    const schemas = new HostileSchemas(12);
    for (let count = 0; count < 400; count++) {
      const schema = schemas.next();
      const slow = spent(use, schema as JsonObject) > most;
      expect({ schema: JSON.stringify(schema).slice(0, 2_000), slow }).toMatchObject({ slow: false });
    }
  });

  it("takes no more in a request with a thousand of its kind", () => {
    const tools = Array.from({ length: 1_000 }, (_, at) => ({
      name: `f${at}`,
      parameters: {
        type: "object",
        required: ["a"],
        properties: { a: { type: "string", pattern: "[a-z]".repeat(80) } },
      },
      strict: true,
    }));
    const request = generationRequest({ tools, toolChoice: "required" });
    for (const use of [() => requireHeld(request), () => grammar(request, "m2")]) {
      expect(spent(use, {})).toBeLessThan(most);
      expect(use).toThrow("is too complex");
    }
  });
});
