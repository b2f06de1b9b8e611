import { describeEngine } from "../../contract/engine.ts";
import { tinyEngine } from "./ask.ts";
import { tinyContract } from "./contract.ts";

describeEngine(
  "embedded",
  tinyContract(() => tinyEngine({ sequences: 2 })),
);
