import type { FastifyInstance } from "fastify";

/** What tells other machines how the server is; open to all, says nothing secret. */
export function mountOperations(server: FastifyInstance): void {
  server.get("/healthz", () => ({ status: "ok" }));
}
