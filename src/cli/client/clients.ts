import { claude, continueCli, opencode, pi, qwen } from "./agents.ts";
import type { Client, ClientServer } from "./client.ts";
import { codex } from "./codex.ts";

const aiSdk: Client = {
  name: "ai-sdk",
  title: "AI SDK",
  tried: "ai 7.0.173 with @ai-sdk/openai-compatible 3.0.92",
  about: [
    "Through `@ai-sdk/openai-compatible` it speaks chat completions and shows the reasoning apart from the answer.",
    "`@ai-sdk/openai` works too, over Responses, without the reasoning, and so do `@ai-sdk/anthropic` and `@ai-sdk/minimax`, over Messages at `/anthropic/v1`.",
  ],
  code: aiSdkProgram,
  commands: () => ["npm install ai @ai-sdk/openai-compatible", "node answer.ts"],
};

function aiSdkProgram({ url, keyVariable, model }: ClientServer): string {
  const environment = "process.env";
  return `import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText } from "ai";

const parley = createOpenAICompatible({
  name: "parley",
  baseURL: ${JSON.stringify(url)},
  apiKey: ${environment}.${keyVariable},
  includeUsage: true,
  supportsStructuredOutputs: true,
});

const answer = await generateText({
  model: parley(${JSON.stringify(model.name)}),
  providerOptions: { parley: { reasoning_split: true } },
  prompt: "Hello",
});
console.log(answer.reasoningText);
console.log(answer.text);
`;
}

/** Every client that `parley client` knows, in the order of docs/clients.md. */
export const clients: readonly Client[] = [codex, opencode, qwen, pi, continueCli, claude, aiSdk];
