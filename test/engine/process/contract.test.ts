import { processEngine } from "../../../src/engine/process/engine.ts";
import { describeEngine } from "../../contract/engine.ts";
import { tinyModel } from "../llama/ask.ts";
import { tinyContract } from "../llama/contract.ts";

describeEngine(
  "embedded, in a process of its own",
  tinyContract(() => processEngine({ model: tinyModel, sequences: 2 }, {})),
);
