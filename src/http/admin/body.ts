import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import type { ByteBudget } from "../../lib/byte-budget.ts";
import { checkInput } from "../../service/admin-input.ts";
import { readJson } from "../body.ts";
import type { JsonReader } from "../json-reader.ts";

export const adminPath = "/admin/api";

/** How bodies of the admin API are read. */
export interface BodyReading {
  bodyLimit: number;
  jsonReader: JsonReader;
  /** Bytes of the requests under way; all of the admin API have one owner. */
  requestBudget: ByteBudget;
}

/** The body as the schema reads it. Throws `invalid`, naming the field. */
export async function body<T>(
  request: FastifyRequest,
  schema: z.ZodType<T>,
  { bodyLimit, jsonReader, requestBudget }: BodyReading,
): Promise<T> {
  const lease = requestBudget.lease("admin");
  const release = lease.hold();
  try {
    return checkInput(
      await readJson(request.raw, { limit: bodyLimit, reader: jsonReader, lease, signal: undefined }),
      schema,
    );
  } finally {
    release();
  }
}
