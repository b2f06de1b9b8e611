import { maxPatternChars } from "../regex/parse.ts";
import type { Schema } from "./schema.ts";

/** Steps of one request's schemas, about a microsecond each; real ones of whole APIs stay below a third of it. */
const maxSteps = 32_000;
/** Values, schemas among them, in one schema. OpenAI's strict mode allows 5,000 properties and 1,000 listed values. */
const maxNodes = 50_000;
/** Characters of all its texts and names. OpenAI's strict mode allows 120,000. */
const maxChars = 1_000_000;

/** Of a format, which is read as a pattern. */
const formatSteps = 40;
/** Of a step of numbers, whose multiples are listed. */
const multipleSteps = 300;

/** How much work the schemas of one request may still make, all together. */
export class WorkBudget {
  // changed by events
  /** Steps that are left; lowered by `take`. */
  private left = maxSteps;

  /** Counts steps; false once there were too many. */
  take(steps: number): boolean {
    this.left -= steps;
    return this.left >= 0;
  }
}

/** How many values a JSON value holds, itself included, and characters of texts and names. */
export interface Weight {
  nodes: number;
  chars: number;
}

/** Undefined for a value that is larger than a schema may be; found out without looking at all of it. */
export function weightOf(value: unknown): Weight | undefined {
  const open: unknown[] = [value];
  let nodes = 0;
  let chars = 0;
  while (open.length > 0) {
    const part = open.pop();
    nodes += 1;
    if (typeof part === "string") chars += part.length;
    else if (typeof part === "object" && part !== null) {
      if (Array.isArray(part) && nodes + part.length > maxNodes) return undefined;
      for (const [key, one] of Object.entries(part)) {
        chars += key.length;
        open.push(one);
      }
    }
    if (nodes + open.length > maxNodes || chars > maxChars) return undefined;
  }
  return { nodes, chars };
}

/** The steps that it takes to look at a whole schema once. */
export function readSteps({ nodes, chars }: Weight): number {
  return Math.ceil(nodes / 10 + chars / 500);
}

/** The steps that it takes to write a value and to cut it into tokens. */
export function writeSteps(value: unknown): number {
  const { nodes, chars } = weightOf(value) ?? { nodes: maxNodes, chars: maxChars };
  return Math.ceil(nodes / 2 + chars / 20);
}

/** What copying a schema and comparing its values cost. */
export function copySteps(schema: Schema): number {
  const { properties, required, enum: values, const: only, prefixItems, multipleOf } = schema;
  const listed = Array.isArray(values) || typeof only === "object" || typeof only === "string";
  const compared = listed ? 4 * readSteps(weightOf([values, only]) ?? { nodes: maxNodes, chars: maxChars }) : 0;
  const lists = countOf(required) + 3 * countOf(prefixItems) + 2 * countOf(properties);
  const multiples = multipleOf === undefined ? 0 : multipleSteps;
  return Object.keys(schema).length + compared + lists + multiples + textSteps(schema);
}

/** What it costs to read a text's pattern and format. */
export function textSteps({ pattern, format }: Schema): number {
  const ofFormat = typeof format === "string" ? formatSteps : 0;
  return ofFormat + (typeof pattern === "string" ? Math.min(pattern.length, maxPatternChars) : 0);
}

function countOf(part: unknown): number {
  if (Array.isArray(part)) return part.length;
  return typeof part === "object" && part !== null ? Object.keys(part).length : 0;
}
