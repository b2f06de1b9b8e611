import type { FastifyInstance } from "fastify";
import { BoundLabels, type Metrics } from "../telemetry/metrics.ts";
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
  const known = new BoundLabels<() => void>();
  server.addHook("onRequest", (request, reply, done) => {
    // unlike the hook onResponse it also comes when the caller leaves
    reply.raw.on("close", () => {
      const route = request.routeOptions.url ?? "none";
      const { method } = request;
      const status = String(statusOf(reply.raw));
      known.at(`${status} ${method} ${route}`, () => requests.of({ route, method, status }))();
      if (request.errorKind !== undefined) errors.add({ route, kind: request.errorKind });
    });
    done();
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
