/** Schemas that are small to send and large, endless or wrong to compile. */
import { chat, embedded, expectStatus, simulator, type Attack } from "../attack.ts";
import type { Answer, Client } from "../client.ts";
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

/** Name and schema. */
const heavy: readonly (readonly [string, Json])[] = [
  ["allOf doubling 24 times", doubling(24, "allOf")],
  ["anyOf doubling 24 times", doubling(24, "anyOf")],
  ["oneOf doubling 30 times", doubling(30, "oneOf")],
  ["minProperties 3,000,000", { type: "object", minProperties: 3_000_000 }],
  ["minItems 3,000,000", { type: "array", minItems: 3_000_000 }],
  ["minLength 30,000,000", { type: "string", minLength: 30_000_000 }],
  ["20,000 properties", wide(20_000)],
  ["an enum of 300,000", { enum: Array.from({ length: 300_000 }, (_, index) => index) }],
  ["90 levels", nested(90)],
  [
    "a pattern that backtracks",
    { type: "object", required: ["q"], properties: { q: { type: "string", pattern: "^((a+)+)+$" } } },
  ],
  ["a pattern of repeated repeats", { type: "string", pattern: repeated }],
  ["a reference to itself", { $ref: "#" }],
  [
    "two references to each other",
    { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } },
  ],
];

/** Keywords that hold what no schema may hold there. */
const wrong: readonly (readonly [string, Json])[] = [
  ["$ref a number", { $ref: 1 }],
  ["$ref a list, below", { type: "object", properties: { a: { $ref: [] } } }],
  ["required [1]", { type: "object", required: [1] }],
  ["required [null]", { type: "object", required: [null] }],
  ["required ['a', true]", { type: "object", required: ["a", true] }],
  ["enum of nothing", { enum: {} }],
];

/** The forms in which a request may carry a schema. */
async function ask(client: Client, schema: Json): Promise<Answer[]> {
  const messages = [{ role: "user", content: "q is aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!" }];
  const json = { type: "json_schema", json_schema: { name: "x", schema } };
  const tools = [{ type: "function", function: { name: "f", parameters: schema } }];
  const text = { format: { type: "json_schema", name: "x", schema } };
  return [
    await client.send("/v1/chat/completions", chat(model, { messages, response_format: json })),
    await client.send("/v1/responses", { model, max_output_tokens: 5, input: messages, text }),
    await client.send("/v1/chat/completions", chat(model, { messages, tools, tool_choice: "required" })),
  ];
}

async function askAll(client: Client, schemas: typeof heavy, ...right: number[]): Promise<string> {
  const answers: Answer[] = [];
  for (const [name, schema] of schemas) {
    const found = await ask(client, schema);
    for (const answer of found) answer.text = `${name}: ${answer.text}`;
    answers.push(...found);
  }
  return expectStatus(answers, ...right);
}

export const schemaAttacks: readonly Attack[] = Object.entries({ sim: simulator, embedded }).flatMap(
  ([engine, settings]) => {
    const row = (name: string, run: Attack["run"], fast = false): Attack => ({
      name: `schema on ${engine}: ${name}`,
      by: "key",
      settings,
      fast,
      run,
    });
    return [
      row("all wrong ones", (client) => askAll(client, wrong, 400), true),
      row("all heavy ones", (client) => askAll(client, heavy, 200, 400), true),
      ...heavy.map((one) => ({ ...row(one[0], (client) => askAll(client, [one], 200, 400)), detail: true })),
    ];
  },
);
