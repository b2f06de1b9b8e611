import type { FastifyInstance } from "fastify";
import type { Metrics } from "../telemetry/metrics.ts";
import { statusOf } from "./watch-request.ts";

export interface OperationsOptions {
  metrics: Metrics;
  /** What `/metrics` answers: of this process or, where it is one of several, of all. */
  metricsText: () => Promise<string>;
  readiness: () => Promise<Readiness>;
}

/** Whether requests can be served. */
export interface Readiness {
  ready: boolean;
  /** The server is about to stop: it still serves, and wants no more requests. */
  draining: boolean;
  /** Of the store: `ready`, or `failed` while it cannot be read. */
  store: string;
  /** Of each engine: `ready`, `loading`, `failed`, or `down` while none of its replicas answers. */
  engines: Readonly<Record<string, string>>;
}

/** Health, readiness and metrics for other machines; open to all, and free of secrets and of request content. */
export function mountOperations(server: FastifyInstance, { metrics, metricsText, readiness }: OperationsOptions): void {
  const requests = metrics.counter("parley_http_requests_total", "HTTP requests by route, method and status.");
  const errors = metrics.counter("parley_errors_total", "Requests answered with an error, by route and kind.");
  server.addHook("onRequest", async (request, reply) => {
    // unlike the hook onResponse it also comes when the caller leaves
    reply.raw.once("close", () => {
      const route = request.routeOptions.url ?? "none";
      requests.add({ route, method: request.method, status: String(statusOf(reply.raw)) });
      if (request.errorKind !== undefined) errors.add({ route, kind: request.errorKind });
    });
  });
  server.get("/healthz", () => ({ status: "ok" }));
  server.get("/readyz", async (_request, reply) => {
    const { ready, draining, store, engines } = await readiness();
    reply.code(ready && !draining ? 200 : 503);
    return { status: draining ? "draining" : ready ? "ready" : "not ready", store, engines };
  });
  server.get("/metrics", (_request, reply) => {
    reply.type("text/plain; version=0.0.4; charset=utf-8");
    return metricsText();
  });
}
