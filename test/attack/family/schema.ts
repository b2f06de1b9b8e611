/** Schemas that are small to send and large, endless or wrong to compile. */
import { chat, embedded, expectStatus, simulator, type Attack } from "../attack.ts";
import type { Client } from "../client.ts";
import { model } from "../server.ts";

type Json = Record<string, unknown>;

/** `levels` definitions, each of which is `keyword` of two references to the next. */
function doubling(levels: number, keyword: string): Json {
  const of = (level: number): [string, Json] => {
    const next = { $ref: `#/$defs/a${level + 1}` };
    return [`a${level}`, level === levels ? { type: "object" } : { [keyword]: [next, next] }];
  };
  return { $ref: "#/$defs/a0", $defs: Object.fromEntries(Array.from({ length: levels + 1 }, (_, level) => of(level))) };
}

const wide = (count: number): Json => ({
  type: "object",
  properties: Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, { type: "string" }])),
});

const nested = (levels: number): Json => {
  let schema: Json = { type: "string" };
  for (let level = 0; level < levels; level += 1) schema = { type: "object", properties: { a: schema } };
  return schema;
};

const repeated = "((((a{1,99}){1,99}){1,99}){1,99}){1,99}";

/** Name, schema, and whether its keywords hold what no schema may hold there. */
const schemas: readonly [string, Json, "wrong" | "heavy"][] = [
  ["allOf doubling 24 times", doubling(24, "allOf"), "heavy"],
  ["anyOf doubling 24 times", doubling(24, "anyOf"), "heavy"],
  ["oneOf doubling 30 times", doubling(30, "oneOf"), "heavy"],
  ["minProperties 3,000,000", { type: "object", minProperties: 3_000_000 }, "heavy"],
  ["minItems 3,000,000", { type: "array", minItems: 3_000_000 }, "heavy"],
  ["minLength 30,000,000", { type: "string", minLength: 30_000_000 }, "heavy"],
  ["20,000 properties", wide(20_000), "heavy"],
  ["an enum of 300,000", { enum: Array.from({ length: 300_000 }, (_, index) => index) }, "heavy"],
  ["90 levels", nested(90), "heavy"],
  [
    "a pattern that backtracks",
    { type: "object", required: ["q"], properties: { q: { type: "string", pattern: "^((a+)+)+$" } } },
    "heavy",
  ],
  ["a pattern of repeated repeats", { type: "string", pattern: repeated }, "heavy"],
  ["a reference to itself", { $ref: "#" }, "heavy"],
  [
    "two references to each other",
    { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } },
    "heavy",
  ],
  ["$ref a number", { $ref: 1 }, "wrong"],
  ["$ref a list, below", { type: "object", properties: { a: { $ref: [] } } }, "wrong"],
  ["required [1]", { type: "object", required: [1] }, "wrong"],
  ["required [null]", { type: "object", required: [null] }, "wrong"],
  ["required ['a', true]", { type: "object", required: ["a", true] }, "wrong"],
  ["enum of nothing", { enum: {} }, "wrong"],
];

async function ask(client: Client, schema: Json): Promise<string> {
  const messages = [{ role: "user", content: "q is aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!" }];
  const bodies: [string, Json][] = [
    [
      "/v1/chat/completions",
      chat(model, { messages, response_format: { type: "json_schema", json_schema: { name: "x", schema } } }),
    ],
    [
      "/v1/responses",
      { model, max_output_tokens: 5, input: messages, text: { format: { type: "json_schema", name: "x", schema } } },
    ],
    [
      "/v1/chat/completions",
      chat(model, {
        messages,
        tools: [{ type: "function", function: { name: "f", parameters: schema } }],
        tool_choice: "required",
      }),
    ],
  ];
  const answers = [];
  for (const [path, body] of bodies) answers.push(await client.send(path, body));
  return expectStatus(answers, 200, 400);
}

export const schemaAttacks: readonly Attack[] = [
  { engine: "sim", settings: simulator },
  { engine: "embedded", settings: embedded },
].flatMap(({ engine, settings }) =>
  schemas.map(([name, schema, kind]): Attack => ({
    name: `schema on ${engine}: ${name}`,
    by: "key",
    settings,
    fast: kind === "wrong" || engine === "sim",
    run: (client) => ask(client, schema),
  })),
);
