import type { ServerResponse } from "node:http";

/** What web servers write for a caller who left before there was an answer. */
const leftEarly = 499;

/** The status of an answer that is over. */
export function statusOf(response: ServerResponse): number {
  return response.headersSent ? response.statusCode : leftEarly;
}
