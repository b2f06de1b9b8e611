/** What callers ask of the relay: each a row of the table. */
import type { AnswerName } from "./answers.ts";

/** One request, sent again and again. */
export interface Load {
  path: string;
  body: object;
  connections: number;
  /** How many in one round: a time would be too short for a server that has to share its processor. */
  requests: number;
}

export interface Shape extends Load {
  name: string;
  /** Most processor time of Parley for a request, in times of the bare proxy's. */
  goal: number;
  /** Whether the time of one request alone is measured too. */
  alone?: boolean;
}

/** Two loads of one kind: pieces of the large one must not cost much more than pieces of the small one. */
export interface Growth {
  name: string;
  small: Load & { pieces: number };
  large: Load & { pieces: number };
  goal: number;
}

const model: AnswerName = "relay";
const question = "What does a gateway add to a request, and what of it could be left out? Answer in three sentences.";
const instructions = "You are a careful engineer. Answer briefly, with figures where there are any.";
const small = { connections: 10, requests: 250 };

const chat = {
  model,
  messages: [
    { role: "system", content: instructions },
    { role: "user", content: question },
  ],
};
const responses = { model, instructions, input: [{ role: "user", content: question }] };
const messages = { model, max_tokens: 1000, system: instructions, messages: [{ role: "user", content: question }] };

/** Both ways of asking for one answer. */
function bothWays(name: string, path: string, body: object, goals: { whole: number; stream: number }): Shape[] {
  return [
    { name: `${name} whole`, path, body, goal: goals.whole, ...small },
    { name: `${name} stream`, path, body: { ...body, stream: true }, goal: goals.stream, ...small },
  ];
}

/** A conversation of a coding agent after so many calls, each with a result of so many characters. */
function agentChat(calls: number, resultChars: number): object {
  const line = 'export const total = rows.map((row) => row.count).reduce((sum, one) => sum + one, 0); // "quoted"\n';
  const result = line.repeat(Math.ceil(resultChars / line.length)).slice(0, resultChars);
  const turns = Array.from({ length: calls }, (_, index) => {
    const id = `call_${index}`;
    const call = { name: "read_file", arguments: JSON.stringify({ path: `src/part${index}.ts`, from: index * 7 }) };
    return [
      { role: "assistant", content: null, tool_calls: [{ id, type: "function", function: call }] },
      { role: "tool", tool_call_id: id, content: `${index}\n${result}` },
    ];
  });
  const parameters = { type: "object", properties: { path: { type: "string" }, from: { type: "integer" } } };
  const tools = [{ type: "function", function: { name: "read_file", description: "Reads a file.", parameters } }];
  return { model, tools, messages: [...chat.messages, ...turns.flat()] };
}

const chatPath = "/v1/chat/completions";

export const shapes: readonly Shape[] = [
  ...bothWays("chat", chatPath, chat, { whole: 1.6, stream: 1.3 }).map((shape) => ({ ...shape, alone: true })),
  ...bothWays("responses", "/v1/responses", responses, { whole: 1.7, stream: 1.6 }),
  ...bothWays("messages", "/anthropic/v1/messages", messages, { whole: 1.7, stream: 1.6 }),
  {
    name: "agent body of 550 kB",
    path: chatPath,
    body: agentChat(260, 1_900),
    goal: 2.3,
    connections: 4,
    requests: 40,
  },
  {
    name: "agent body of 2.1 MB",
    path: chatPath,
    body: agentChat(260, 7_700),
    goal: 1.3,
    connections: 4,
    requests: 16,
  },
];

function manyEvents(name: AnswerName, requests: number): Load {
  return { path: chatPath, body: { ...chat, model: name, stream: true }, connections: 2, requests };
}

function manyItems(count: number): Load & { pieces: number } {
  const input = Array.from({ length: count }, (_, index) => ({
    role: index % 2 === 0 ? "user" : "assistant",
    content: `${index}: ${question}`,
  }));
  return { path: "/v1/responses", body: { ...responses, input }, connections: 2, requests: 24, pieces: count };
}

export const growths: readonly Growth[] = [
  {
    name: "events of a stream",
    small: { ...manyEvents("hundred", 200), pieces: 100 },
    large: { ...manyEvents("thousands", 12), pieces: 10_000 },
    goal: 1.1,
  },
  { name: "items of a history", small: manyItems(500), large: manyItems(2_000), goal: 1.1 },
];
