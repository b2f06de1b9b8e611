import { describe, expect, test } from "vitest";
import { answer, eventsOf, folded, parseM3, streamed, surfaceWith } from "./harness.ts";

const weather = {
  type: "function",
  name: "get_weather",
  description: "w",
  parameters: { type: "object" },
  strict: true,
};

function echoOf(fields: Record<string, unknown>) {
  return parseM3(fields).answerOptions.echo;
}

describe("tools in the request", () => {
  test("a function without parameters takes an empty object", () => {
    const { request, answerOptions } = parseM3({ tools: [{ type: "function", name: "ping", parameters: null }] });
    const parameters = { type: "object", properties: {} };
    expect(request.tools).toEqual([{ name: "ping", parameters, path: "tools[0].parameters" }]);
    expect(answerOptions.echo.tools).toEqual([
      { type: "function", name: "ping", description: null, parameters, strict: null },
    ]);
  });

  test.each([
    ["tools[1]", (wrong: object) => [weather, wrong]],
    ["tools[0].tools[1]", (wrong: object) => [{ type: "namespace", name: "n", tools: [weather, wrong] }]],
  ])("a strict function's parameters of a wrong form are refused by their path: %s", (place, tools) => {
    const wrong = { ...weather, name: "w", parameters: { type: "object", required: ["a", 1] } };
    expect(() => parseM3({ tools: tools({ ...wrong, strict: true }) })).toThrow(
      `${place}.parameters.required[1]: must be a string`,
    );
    expect(parseM3({ tools: tools({ ...wrong, strict: false }) }).request.tools).toHaveLength(2);
  });

  test("key order of parameters is the caller's", () => {
    const parameters = { type: "object", properties: { zeta: {}, alpha: {} }, required: ["zeta"] };
    const { request } = parseM3({ tools: [{ ...weather, parameters }] });
    expect(JSON.stringify(request.tools[0]?.parameters)).toBe(JSON.stringify(parameters));
  });

  test("a custom tool becomes a function of one string, its grammar told", () => {
    const format = { type: "grammar", syntax: "lark", definition: 'start: "x"' };
    const { request } = parseM3({ tools: [{ type: "custom", name: "run", description: "Runs.", format }] });
    expect(request.tools).toEqual([
      {
        name: "run",
        description: "Runs.",
        parameters: {
          type: "object",
          properties: { input: { type: "string", description: 'Must match this lark grammar:\nstart: "x"' } },
          required: ["input"],
          additionalProperties: false,
        },
      },
    ]);
  });

  test("a namespace gives its functions one name each; two namespaces may share names", () => {
    const spaces = ["red", "blue"].map((name) => ({
      type: "namespace",
      name,
      description: `All about ${name}.`,
      tools: [
        { type: "function", name: "paint" },
        { type: "custom", name: "mix" },
      ],
    }));
    const { request, answerOptions } = parseM3({ tools: spaces });
    expect(request.tools.map(({ name }) => name)).toEqual(["red__paint", "red__mix", "blue__paint", "blue__mix"]);
    expect(request.tools[0]?.description).toBe("All about red.");
    expect(answerOptions.echo.tools).toEqual(spaces);
  });

  test("hosted tools are dropped, each type named once, and not shown as available", () => {
    const { request, answerOptions } = parseM3({
      tools: [
        { type: "web_search" },
        weather,
        { type: "mcp", server_label: "s" },
        { type: "web_search" },
        { type: "shell", environment: { type: "container_auto" } },
      ],
      metadata: { own: "kept" },
    });
    expect(request.tools.map(({ name }) => name)).toEqual(["get_weather"]);
    expect(answerOptions.echo.tools).toEqual([weather]);
    expect(answerOptions.echo.metadata).toEqual({ own: "kept" });
    expect(answerOptions.echo.dropped.tools).toEqual(["web_search", "mcp", "shell"]);
  });
});

describe("tool_choice", () => {
  const tools = [
    weather,
    { type: "custom", name: "run" },
    { type: "namespace", name: "n", tools: [{ type: "function", name: "f" }] },
    { type: "apply_patch" },
    { type: "web_search" },
  ];

  test.each([
    ["none", "none"],
    ["auto", "auto"],
    ["required", "required"],
    [{ type: "function", name: "get_weather" }, { name: "get_weather" }],
    [{ type: "function", name: "f", namespace: "n" }, { name: "n__f" }],
    [{ type: "custom", name: "run" }, { name: "run" }],
    [{ type: "apply_patch" }, { name: "apply_patch" }],
  ])("%j", (tool_choice, choice) => {
    const { request, answerOptions } = parseM3({ tools, tool_choice });
    expect(request.toolChoice).toEqual(choice);
    expect(request.tools).toHaveLength(4);
    expect(answerOptions.echo.toolChoice).toEqual(tool_choice);
  });

  test("allowed tools leave only these; a hosted one among them falls away", () => {
    const allowed = [{ type: "function", name: "get_weather" }, { type: "web_search" }];
    const { request } = parseM3({ tools, tool_choice: { type: "allowed_tools", mode: "required", tools: allowed } });
    expect(request.toolChoice).toBe("required");
    expect(request.tools.map(({ name }) => name)).toEqual(["get_weather"]);
    expect(echoOf({ tools, tool_choice: { type: "allowed_tools", tools: allowed } }).toolChoice).toEqual({
      type: "allowed_tools",
      mode: "auto",
      tools: allowed,
    });
  });

  test("a tool must be named with its own type", () => {
    expect(() => parseM3({ tools, tool_choice: { type: "function", name: "run" } })).toThrow(
      "no function tool called run",
    );
  });
});

describe("calls go back in the form of their tool", () => {
  const tools = [
    { type: "custom", name: "run" },
    { type: "local_shell" },
    { type: "shell" },
    { type: "apply_patch" },
    {
      type: "namespace",
      name: "agents",
      tools: [
        { type: "function", name: "spawn" },
        { type: "custom", name: "say" },
      ],
    },
  ];
  const head = { id: "abc123_fc_0", status: "completed", call_id: "call_1" };

  test.each([
    ["run", { input: "print(1)" }, { type: "custom_tool_call", name: "run", input: "print(1)" }],
    ["agents__spawn", { x: 1 }, { type: "function_call", name: "spawn", namespace: "agents", arguments: '{"x":1}' }],
    ["agents__say", { input: "hi" }, { type: "custom_tool_call", name: "say", namespace: "agents", input: "hi" }],
    [
      "local_shell",
      { command: ["ls", "-l"], timeout_ms: 5, working_directory: "/tmp" },
      {
        type: "local_shell_call",
        action: { type: "exec", command: ["ls", "-l"], env: {}, timeout_ms: 5, working_directory: "/tmp" },
      },
    ],
    [
      "local_shell",
      { command: "ls" },
      { type: "local_shell_call", action: { type: "exec", command: ["sh", "-c", "ls"], env: {} } },
    ],
    [
      "shell",
      { commands: ["ls"], timeout_ms: 7 },
      { type: "shell_call", action: { commands: ["ls"], timeout_ms: 7, max_output_length: null }, environment: null },
    ],
    [
      "apply_patch",
      { type: "create_file", path: "a.txt", diff: "+a" },
      { type: "apply_patch_call", operation: { type: "create_file", path: "a.txt", diff: "+a" } },
    ],
    [
      "apply_patch",
      { type: "delete_file", path: "a.txt" },
      { type: "apply_patch_call", operation: { type: "delete_file", path: "a.txt" } },
    ],
    ["undeclared", { a: 1 }, { type: "function_call", name: "undeclared", arguments: '{"a":1}' }],
  ])("%s called with %j", (name, args, fields) => {
    const parsed = parseM3({ tools });
    const events = answer((emitter) => {
      emitter.callStart("call_1", name);
      emitter.callDelta(JSON.stringify(args));
    }, "calls");
    expect(surfaceWith().json(folded(events), parsed)).toMatchObject({ output: [{ ...head, ...fields }] });
    const item = eventsOf(
      streamed(
        parsed,
        events.map((event) => [event]),
      ),
    ).find(({ type }) => type === "response.output_item.done");
    expect(item).toMatchObject({ item: { ...head, ...fields } });
  });

  test("the arguments of shell-like tools are not streamed, the input of custom ones is", () => {
    const parsed = parseM3({ tools });
    const events = answer((emitter) => {
      emitter.callStart("call_1", "shell");
      emitter.callDelta('{"commands":["ls"]}');
      emitter.callStart("call_2", "run");
      for (const piece of ['{"inp', 'ut": "a', "\\", "n\\ud83d", '\\ude00b"', "}"]) emitter.callDelta(piece);
    }, "calls");
    const wire = eventsOf(
      streamed(
        parsed,
        events.map((event) => [event]),
      ),
    );
    expect(
      wire.filter(({ type }) => /arguments|input/.test(type)).map(({ type, delta, input }) => [type, delta ?? input]),
    ).toEqual([
      ["response.custom_tool_call_input.delta", "a"],
      ["response.custom_tool_call_input.delta", "\n"],
      ["response.custom_tool_call_input.delta", "😀b"],
      ["response.custom_tool_call_input.done", "a\n😀b"],
    ]);
  });

  test("an input that could not be read on the way still comes as a delta", () => {
    const events = answer((emitter) => {
      emitter.callStart("call_1", "run");
      emitter.callDelta('{"other":1,"input":"late"}');
    }, "calls");
    const wire = eventsOf(streamed(parseM3({ tools }), [events]));
    expect(wire.filter(({ type }) => type.includes("tool_call_input"))).toMatchObject([
      { type: "response.custom_tool_call_input.delta", delta: "late" },
      { type: "response.custom_tool_call_input.done", input: "late" },
    ]);
  });

  test("a history of such calls reads as what the model wrote", () => {
    const parsed = parseM3({ tools });
    const events = answer((emitter) => {
      emitter.callStart("call_1", "agents__say");
      emitter.callDelta('{"input":"hi"}');
    }, "calls");
    const { output } = surfaceWith().json(folded(events), parsed) as { output: object[] };
    const result = { type: "custom_tool_call_output", call_id: "call_1", output: "ok" };
    const { request } = parseM3({ tools, input: [{ role: "user", content: "x" }, ...output, result] });
    expect(request.items[1]).toEqual({ type: "call", id: "call_1", name: "agents__say", args: '{"input":"hi"}' });
  });
});
