/** The files of `deploy/`: what they name exists, what they set is a setting, and what can check them here does. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import * as apps from "kubernetes-models/apps/v1";
import * as autoscaling from "kubernetes-models/autoscaling/v2";
import * as policy from "kubernetes-models/policy/v1";
import * as core from "kubernetes-models/v1";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { environmentTable, loadConfig } from "../../src/config/load.ts";
import { errorKinds } from "../../src/model/error.ts";
import { startServer } from "../e2e/start.ts";
import { renderChart } from "./helm.ts";

const root = join(import.meta.dirname, "../..");
const chart = join(root, "deploy/helm/parley");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const readYaml = (path: string): Record<string, unknown> =>
  parse(read(path), { merge: true }) as Record<string, unknown>;
const secrets = {
  PARLEY_STORE_URL: "postgres://parley:secret@127.0.0.1/parley",
  PARLEY_ADMIN_KEY: "an-admin-key-of-the-test-0123456789",
  ENGINE_URL: "http://127.0.0.1:9/v1",
  ENGINE_KEY: "none",
};

/** Where a program of Debian is; its tests are skipped, with a line, where it is not installed. */
function program(name: string): string | undefined {
  const found = ["/usr/bin", "/usr/sbin", "/usr/local/bin"].map((folder) => join(folder, name)).find(existsSync);
  if (found === undefined) console.log(`skipped: ${name} is not installed`);
  return found;
}

function run(command: string, ...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: 15_000 });
  return { status, output: stdout + stderr };
}

type Model = new (value: never) => { validate(): void };
const models: Record<string, unknown> = { ...core, ...apps, ...autoscaling, ...policy };

/** Throws where Kubernetes would refuse it. What it has no schema of is an addition of others. */
function validate(document: { apiVersion: string; kind: string }): void {
  if (document.apiVersion.startsWith("monitoring.coreos.com/")) return;
  const model = models[document.kind] as Model | undefined;
  if (model === undefined) throw new Error(`no schema of ${document.kind}`);
  new model(document as never).validate();
}

interface Deployment {
  spec: {
    replicas?: number;
    strategy: { type: string };
    template: {
      metadata: { annotations: Record<string, string> };
      spec: {
        terminationGracePeriodSeconds: number;
        enableServiceLinks: boolean;
        containers: { image: string; envFrom?: unknown; env?: unknown }[];
        volumes: { name: string }[];
      };
    };
  };
}

function deployment(change: Record<string, unknown> = {}): Deployment {
  return parse(renderChart(chart, change).get("deployment.yaml") ?? "") as Deployment;
}

describe("the Helm chart", () => {
  const full = {
    autoscaling: { enabled: true },
    serviceMonitor: { enabled: true, labels: { release: "prometheus" } },
    env: [{ name: "EXTRA", value: "1" }],
    podLabels: { team: "y" },
    podAnnotations: { note: "a" },
    imagePullSecrets: [{ name: "registry" }],
    data: { claimName: "files" },
    serviceAccount: { annotations: { role: "parley" } },
    service: { annotations: { kind: "internal" } },
    nodeSelector: { pool: "web" },
    tolerations: [{ key: "web", operator: "Exists" }],
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway", labelSelector: { matchLabels: {} } },
    ],
    affinity: { podAntiAffinity: {} },
  };
  const single = {
    replicas: 1,
    config: { store: null, adminKeys: null },
    secretName: "",
    data: { claimName: "kept" },
    podDisruptionBudget: { enabled: false },
    serviceAccount: { name: "own" },
  };

  it.each([
    ["as it comes", {}, ["configmap", "deployment", "pdb", "service", "serviceaccount"]],
    ["with everything", full, ["configmap", "deployment", "hpa", "pdb", "service", "serviceaccount", "servicemonitor"]],
    ["of one server", single, ["configmap", "deployment", "service"]],
  ])("%s makes what Kubernetes takes", (_name, change, files) => {
    const rendered = renderChart(chart, change);
    expect([...rendered.keys()].filter((name) => name.endsWith(".yaml"))).toEqual(files.map((name) => `${name}.yaml`));
    for (const [name, text] of rendered) {
      if (!name.endsWith(".yaml")) continue;
      const documents = parseAllDocuments(text).map((one) => one.toJS() as { apiVersion: string; kind: string });
      expect(documents).toHaveLength(1);
      for (const document of documents) validate(document);
    }
  });

  it("is checked by schemas that refuse", () => {
    const broken = deployment() as unknown as { kind: string; apiVersion: string; spec: Record<string, unknown> };
    broken.spec["replicas"] = "two";
    expect(() => validate(broken)).toThrow("replicas");
  });

  it("has settings that the server takes", () => {
    for (const change of [{}, full, single]) {
      const map = parse(renderChart(chart, change).get("configmap.yaml") ?? "") as { data: { "parley.yaml": string } };
      const folder = mkdtempSync(join(tmpdir(), "parley-chart-"));
      const path = join(folder, "parley.yaml");
      writeFileSync(path, map.data["parley.yaml"]);
      const used = Object.entries(secrets).filter(([name]) => map.data["parley.yaml"].includes(name));
      const environment = { ...Object.fromEntries(used), PARLEY_CONFIG: path };
      expect(loadConfig({ environment, flags: {} }).engines).toHaveProperty("main");
      rmSync(folder, { recursive: true });
    }
  });

  it("keeps the settings that Kubernetes would set by itself", () => {
    // a service named parley gives its pods PARLEY_PORT=tcp://...
    expect(environmentTable.map(({ variable }) => variable)).toContain("PARLEY_PORT");
    expect(deployment().spec.template.spec.enableServiceLinks).toBe(false);
  });

  it("makes new pods for new settings, and leaves the number of servers to its scaler", () => {
    const sum = (change: Record<string, unknown>): string | undefined =>
      deployment(change).spec.template.metadata.annotations["checksum/config"];
    expect(sum({ config: { strict: true } })).not.toBe(sum({}));
    expect(deployment().spec.replicas).toBe(2);
    expect(deployment({ autoscaling: { enabled: true } }).spec.replicas).toBeUndefined();
  });

  it("refuses several servers without a database, also where the scaler makes them", () => {
    const alone = { config: { store: null } };
    const message = "more than one server needs a PostgreSQL database";
    expect(() => renderChart(chart, alone)).toThrow(message);
    expect(() => renderChart(chart, { ...alone, replicas: 1, autoscaling: { enabled: true } })).toThrow(message);
    expect(() => renderChart(chart, { ...alone, replicas: 1 })).toThrow("set data.claimName");
    const kept = { ...alone, replicas: 1, data: { claimName: "kept" } };
    expect(deployment(kept).spec.strategy).toEqual({ type: "Recreate" });
    expect(deployment().spec.strategy).toMatchObject({ type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0 } });
  });

  it("gives a stop the time that it takes", () => {
    const { server } = loadConfig({ environment: {}, settings: {}, flags: {} });
    const { terminationGracePeriodSeconds } = deployment().spec.template.spec;
    expect(terminationGracePeriodSeconds).toBeGreaterThan(5 + server.drainSeconds + 5);
  });

  it("names a value that is wrong", () => {
    const schema = JSON.parse(read("deploy/helm/parley/values.schema.json")) as { $schema?: string };
    delete schema.$schema;
    const check = new Ajv({ strict: false }).compile(schema);
    const values = readYaml("deploy/helm/parley/values.yaml");
    check(values);
    expect(check.errors ?? []).toEqual([]);
    for (const [change, path] of [
      [{ replicas: 0 }, "/replicas"],
      [{ replica: 2 }, ""],
      [{ service: { type: "Cluster" } }, "/service/type"],
      [{ image: {} }, "/image"],
    ] as const) {
      expect(check({ ...values, ...change })).toBe(false);
      expect(check.errors?.[0]?.instancePath).toBe(path);
    }
  });
});

describe("compose.yaml", () => {
  const compose = readYaml("deploy/compose.yaml") as {
    services: Record<string, { environment?: Record<string, string>; volumes?: string[]; stop_grace_period?: string }>;
    volumes: Record<string, unknown>;
  };

  it("starts servers with settings that they take", () => {
    const environment = { ...secrets, PARLEY_CONFIG: join(root, "deploy/parley.yaml") };
    const config = loadConfig({ environment, flags: {} });
    expect(config.store.url?.reveal()).toBe(secrets.PARLEY_STORE_URL);
    const grace = Number(compose.services["parley-1"]?.stop_grace_period?.replace("s", ""));
    expect(grace).toBeGreaterThan((config.server.shutdownDelaySeconds ?? 5) + config.server.drainSeconds);
  });

  it("asks for every variable that it uses, and names every file and volume that it mounts", () => {
    const asked = read("deploy/env.example");
    for (const [, name] of read("deploy/compose.yaml").matchAll(/\$\{(\w+)/g)) expect(asked).toContain(`${name}=`);
    for (const { volumes = [] } of Object.values(compose.services)) {
      for (const volume of volumes) {
        const [source = ""] = volume.split(":");
        if (!source.startsWith("./")) expect(Object.keys(compose.volumes)).toContain(source);
        else expect(existsSync(join(root, "deploy", source)) ? "" : source).toBe("");
      }
    }
  });

  it("has an nginx that knows its servers", () => {
    const text = read("deploy/nginx.conf");
    const servers = [...text.matchAll(/server (parley-\d):8787/g)].map(([, name]) => name);
    expect(servers).toEqual(Object.keys(compose.services).filter((name) => name.startsWith("parley-")));
  });

  const nginx = program("nginx");
  it.skipIf(nginx === undefined)("has an nginx configuration that nginx takes", () => {
    const folder = mkdtempSync(join(tmpdir(), "parley-nginx-"));
    const path = join(folder, "nginx.conf");
    writeFileSync(path, `pid ${folder}/pid;\n${read("deploy/nginx.conf").replaceAll(/parley-\d:/g, "127.0.0.1:")}`);
    const { status, output } = run(nginx ?? "", "-t", "-q", "-e", "stderr", "-c", path);
    rmSync(folder, { recursive: true });
    expect({ status, output }).toMatchObject({ status: 0 });
  });
});

describe("the Dockerfile", () => {
  const text = read("deploy/Dockerfile");

  it("sets what is a setting", () => {
    const names = [...text.matchAll(/(PARLEY_\w+)=/g)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(3);
    const known = environmentTable.map(({ variable }) => variable);
    // the key of the example stands in a comment
    expect(known).toEqual(expect.arrayContaining(names));
  });

  it("installs parts that the package knows, in its versions", () => {
    const { peerDependencies } = JSON.parse(read("package.json")) as { peerDependencies: Record<string, string> };
    const extras = /EXTRAS="([^"]+)"/.exec(text)?.[1]?.split(" ") ?? [];
    expect(extras.length).toBeGreaterThan(0);
    for (const extra of extras) {
      const [name = "", version = ""] = extra.split("@");
      expect(peerDependencies[name]).toMatch(new RegExp(`^\\^${version.replace(".", "\\.")}\\.`));
    }
  });

  it("runs as nobody of importance, on a Node that the package takes", () => {
    expect(/^USER (\d+)/m.exec(text)?.[1]).toBe("10001");
    const { engines } = JSON.parse(read("package.json")) as { engines: { node: string } };
    const node = Number(/node:(\d+)/.exec(text)?.[1]);
    expect(node).toBeGreaterThanOrEqual(Number(/\d+/.exec(engines.node)?.[0]));
  });
});

describe("the systemd unit", () => {
  const unit = join(root, "deploy/systemd/parley.service");
  const analyze = program("systemd-analyze");

  it.skipIf(analyze === undefined)("is well formed", () => {
    const folder = mkdtempSync(join(tmpdir(), "parley-unit-"));
    const path = join(folder, "parley.service");
    // the command is not installed here
    writeFileSync(path, readFileSync(unit, "utf8").replace("/usr/bin/parley", process.execPath));
    const { status, output } = run(analyze ?? "", "verify", "--man=no", path);
    rmSync(folder, { recursive: true });
    expect(output).toBe("");
    expect(status).toBe(0);
  });

  it.skipIf(analyze === undefined)("exposes little", () => {
    const { output } = run(analyze ?? "", "security", "--offline=true", "--no-pager", unit);
    expect(Number(/exposure level for \S+: ([\d.]+)/.exec(output)?.[1])).toBeLessThan(2);
  });

  it("gives a stop the time that it takes", () => {
    const { server } = loadConfig({ environment: {}, settings: {}, flags: {} });
    const seconds = Number(/TimeoutStopSec=(\d+)/.exec(readFileSync(unit, "utf8"))?.[1]);
    expect(seconds).toBeGreaterThan(5 + server.drainSeconds + 5);
  });
});

describe("rules and panels", () => {
  const rules = readYaml("deploy/prometheus/rules.yaml") as {
    groups: { rules: { record?: string; alert?: string; expr: string }[] }[];
  };
  const all = rules.groups.flatMap((group) => group.rules);
  const dashboard = JSON.parse(read("deploy/grafana/dashboards/parley.json")) as {
    panels: { title: string; targets?: { expr: string }[] }[];
  };
  const expressions = [
    ...all.map(({ expr }) => expr),
    ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ];

  it("name only metrics that the server has", async () => {
    const server = await startServer({
      engine: undefined,
      telemetry: { otlp: { url: "http://127.0.0.1:9" } },
      engines: { a: { kind: "upstream", url: ["http://127.0.0.1:9/v1", "http://127.0.0.1:8/v1"] } },
    });
    try {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      const known = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
      const used = new Set(expressions.flatMap((expression) => expression.match(/\b(?:parley|process)_\w+/g) ?? []));
      expect(used.size).toBeGreaterThan(15);
      expect([...used].filter((name) => !known.has(name.replace(/_bucket$/, "")))).toEqual([]);
    } finally {
      await server.stop();
    }
  });

  it("name only recorded series that are recorded, and outcomes that are", () => {
    const recorded = all.flatMap(({ record }) => record ?? []);
    for (const expression of expressions) {
      for (const name of expression.match(/\bparley:\w+:\w+/g) ?? []) expect(recorded).toContain(name);
      for (const [, kinds = ""] of expression.matchAll(/outcome=~"([^"]+)"/g))
        expect(errorKinds).toEqual(expect.arrayContaining(kinds.split("|")));
    }
  });

  it("have a test for every alert", () => {
    const tested = read("deploy/prometheus/rules.test.yaml");
    const alerts = all.flatMap(({ alert }) => alert ?? []);
    expect(alerts.filter((name) => !tested.includes(`alertname: ${name}`))).toEqual([]);
  });

  const promtool = program("promtool");
  it.skipIf(promtool === undefined)("do what their tests say", () => {
    const { status, output } = run(promtool ?? "", "test", "rules", join(root, "deploy/prometheus/rules.test.yaml"));
    expect({ status, output }).toMatchObject({ status: 0 });
    const checked = run(
      promtool ?? "",
      "check",
      "config",
      "--syntax-only",
      join(root, "deploy/prometheus/prometheus.yaml"),
    );
    expect(checked).toMatchObject({ status: 0 });
  });
});
