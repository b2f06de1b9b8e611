import { describe, expect, it } from "vitest";
import { loadConfig, ConfigError } from "../../src/config/load.ts";

const load = (environment: Record<string, string>, telemetry?: object) =>
  loadConfig({ environment, flags: { telemetry } }).telemetry.otlp;

describe("telemetry settings", () => {
  it("trace nothing by default", () => {
    expect(load({})).toEqual({ headers: {}, ratio: 1, service: "parley" });
  });

  it("are read from OpenTelemetry's own variables", () => {
    const otlp = load({
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20a=b, x-team = red ",
      OTEL_SERVICE_NAME: "edge",
    });
    expect(otlp).toMatchObject({ url: "http://collector:4318", ratio: 1, service: "edge" });
    expect(Object.entries(otlp.headers).map(([name, value]) => [name, value.reveal()])).toEqual([
      ["authorization", "Bearer a=b"],
      ["x-team", "red"],
    ]);
    expect(JSON.stringify(otlp)).not.toContain("a=b");
  });

  it("prefer the endpoint for traces, and do not mind a name without an endpoint", () => {
    const both = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://a", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://b/v1/traces" };
    expect(load(both).url).toBe("http://b/v1/traces");
    expect(load({ OTEL_SERVICE_NAME: "edge", OTEL_EXPORTER_OTLP_HEADERS: "a=%zz" })).not.toHaveProperty("url");
  });

  it.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4317" }, undefined, /^telemetry\.otlp\.url \(from OTEL_EXPORTER_OTLP/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: "a b=SECRET" }, undefined, /^telemetry\.otlp\.headers.*Invalid key in record$/],
    [{}, { otlp: { url: "http://a", headers: { a: "SECRET\n" } } }, /headers\.a .*\*\*\*; is no value of a header/],
    [{}, { otlp: { url: "http://a", ratio: 2 } }, /^telemetry\.otlp\.ratio/],
    [{}, { otlp: { uri: "http://a" } }, /^telemetry\.otlp\.uri: unknown setting/],
  ])("refuse %j %j", (environment, telemetry, message) => {
    const attempt = (): unknown => load(environment as Record<string, string>, telemetry);
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(message);
    expect(attempt).not.toThrow(/SECRET/);
  });
});
