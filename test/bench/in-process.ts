/** A server with the embedded engine in its own process, to be measured against the one that users start. */
import { fileURLToPath } from "node:url";
import { createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import { llamaEngine } from "../../src/engine/llama/engine.ts";
import { systemIds } from "../../src/model/id.ts";

const model = fileURLToPath(new URL("../../model/tiny-chat.gguf", import.meta.url));
const engine = llamaEngine({ model, ids: systemIds, temperature: 0.3 });
const app = await createApp(loadConfig({ environment: process.env, flags: {} }), {
  engines: new Map([["embedded", engine]]),
});
console.log((await app.listen()).url);
process.once("SIGTERM", () => void app.close(0));
