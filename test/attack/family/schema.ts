/** Schemas that are small to send and large, endless or wrong to compile. */
import { chat, embedded, expectStatus, simulator, type Attack } from "../attack.ts";
import type { Answer, Client } from "../client.ts";
import { answeredOverHttp, answeredOverSocket } from "../answered.ts";
import { model } from "../server.ts";
import { HostileSchemas } from "../../support/hostile-schema.ts";

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
  ["required 'a'", { required: "a" }],
  ["enum of nothing", { enum: {} }],
  ["type 5", { type: 5 }],
  ["items 3", { items: 3 }],
  ["minLength 'x'", { minLength: "x" }],
  ["pattern 7", { pattern: 7 }],
  ["properties []", { properties: [] }],
  ["allOf {}", { allOf: {} }],
];

/** The forms in which a request may carry a schema. Parameters of tools that are not strict may be wrong. */
async function ask(client: Client, schema: Json, strict: boolean): Promise<Answer[]> {
  const messages = [{ role: "user", content: "q is aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!" }];
  const json = { type: "json_schema", json_schema: { name: "x", schema } };
  const tools = [{ type: "function", function: { name: "f", parameters: schema, strict } }];
  const text = { format: { type: "json_schema", name: "x", schema } };
  return [
    await client.send("/v1/chat/completions", chat(model, { messages, response_format: json })),
    await client.send("/v1/responses", { model, max_output_tokens: 5, input: messages, text }),
    await client.send("/v1/chat/completions", chat(model, { messages, tools, tool_choice: "required" })),
  ];
}

/** Schemas of any keywords with any values, as the format of an answer and as parameters of a tool, strict and not. */
async function generated(client: Client, count: number): Promise<string> {
  const schemas = new HostileSchemas(count);
  const list = Array.from({ length: count }, (_, at) => ({ schema: schemas.next(), strict: at % 2 === 0, at }));
  const chats = list.map(({ schema, strict, at }) => {
    const format = { response_format: { type: "json_schema", json_schema: { name: "x", schema, strict } } };
    const tools = [{ type: "function", function: { name: "f", parameters: schema, strict } }];
    return chat(model, at % 4 < 2 ? format : { tools, tool_choice: "required" });
  });
  const messages = list.map(({ schema, strict, at }) => {
    const format = { text: { format: { type: "json_schema", name: "x", schema, strict } } };
    const tools = [{ type: "function", name: "f", parameters: schema, strict }];
    const own = at % 4 < 2 ? format : { tools, tool_choice: "required" };
    return { type: "response.create", model, store: false, max_output_tokens: 5, input: "x", ...own };
  });
  const found = [
    await answeredOverHttp(client, "/v1/chat/completions", chats),
    await answeredOverHttp(client, "/v1/responses", messages),
    await answeredOverSocket(client, messages),
  ];
  return found.join("; ");
}

async function askAll(client: Client, schemas: typeof heavy, ...right: number[]): Promise<string> {
  const answers: Answer[] = [];
  for (const [name, schema] of schemas) {
    const found = await ask(client, schema, schemas === wrong);
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
      row("300 generated", (client) => generated(client, 300), true),
      { ...row("7,000 generated", (client) => generated(client, 7_000)), maxSeconds: 300, detail: true },
      row("all heavy ones", (client) => askAll(client, heavy, 200, 400), true),
      ...heavy.map((one) => ({ ...row(one[0], (client) => askAll(client, [one], 200, 400)), detail: true })),
    ];
  },
);
