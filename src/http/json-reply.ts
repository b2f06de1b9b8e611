import type { FastifyReply } from "fastify";
import { jsonSteps } from "../lib/json-scanner/write.ts";
import type { TimeSlices } from "../lib/time-slices.ts";
import { slicedBody } from "./slices.ts";

/** Answers with a value as JSON, which is written in steps. */
export async function sendJson(reply: FastifyReply, slices: TimeSlices, value: unknown): Promise<FastifyReply> {
  const pieces: string[] = [];
  await slices.run(jsonSteps(value, { piece: (text) => pieces.push(text) }));
  const sliced = pieces.length === 1 ? undefined : slicedBody(...pieces);
  if (sliced === undefined) return sendText(reply, pieces.join(""));
  return sendText(reply.header("content-length", sliced.bytes), sliced.body);
}

/** Answers with what is JSON already. */
export function sendText(reply: FastifyReply, json: unknown): FastifyReply {
  return reply.type("application/json; charset=utf-8").send(json);
}
