/** `parley client NAME` as a caller has it. */
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clients } from "../../../src/cli/client/clients.ts";
import { clientsPage } from "../../../tools/clients-doc.ts";
import { Workplace } from "../command.ts";

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
});
afterAll(() => place.stop());

const url = "http://10.0.0.5:8787/v1";

describe("parley client", { timeout: 60_000 }, () => {
  it("prints what a client needs, for the server of the settings", async () => {
    const file = join(place.data, "parley.yaml");
    writeFileSync(
      file,
      "port: 9001\nhost: 0.0.0.0\nengines: { u: { kind: upstream, url: 'http://127.0.0.1:1/v1' } }\n" +
        "models: { coder: { like: MiniMax-M2.7 } }\n",
    );
    const { code, stdout, stderr } = await place.run(["client", "codex", "--config", file, "--json"], {
      HOME: place.data,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const shown = JSON.parse(stdout) as { url: string; model: string; files: { path: string; text: string }[] };
    expect(shown).toMatchObject({ url: "http://127.0.0.1:9001/v1", model: "coder", keyVariable: "PARLEY_KEY" });
    expect(shown.files.map(({ path }) => path)).toEqual([
      join(place.data, ".codex/config.toml"),
      join(place.data, ".codex/parley-models.json"),
    ]);
    const catalog = JSON.parse(shown.files[1]?.text ?? "") as { models: unknown[] };
    expect(catalog.models).toMatchObject([
      {
        slug: "coder",
        supported_reasoning_levels: [{ effort: "high" }],
        shell_type: "shell_command",
        apply_patch_tool_type: "freeform",
        context_window: 204_800,
        input_modalities: ["text"],
      },
    ]);
  });

  it.each(clients.map(({ name }) => name))("prints %s without a key in it", async (name) => {
    const { code, stdout } = await place.run(["client", name, "--url", url, "--model", "MiniMax-M2.7"], {
      HOME: place.data,
    });
    expect(code).toBe(0);
    expect(stdout).toContain(name === "claude" ? url.replace("/v1", "/anthropic") : url);
    expect(stdout).toContain("MiniMax-M2.7");
    expect(stdout).toContain("PARLEY_KEY");
  });

  it("merges into a file, shows the lines that change, and keeps the earlier file beside it", async () => {
    const folder = join(place.data, "codex");
    mkdirSync(folder);
    const before = '# mine\nmodel = "gpt"\ntoken = "secret-value"\n';
    writeFileSync(join(place.data, "real.toml"), before, { mode: 0o640 });
    symlinkSync(join(place.data, "real.toml"), join(folder, "config.toml"));
    const write = () => place.run(["client", "codex", "--url", url, "--write"], { CODEX_HOME: folder });
    const { code, stdout } = await write();
    expect(code).toBe(0);
    expect(stdout).toContain('- model = "gpt"\n+ model = "MiniMax-M3"');
    expect(stdout).not.toContain("secret-value");
    const after = readFileSync(join(place.data, "real.toml"), "utf8");
    expect(after).toMatch(/^# mine\nmodel = "MiniMax-M3"\ntoken = "secret-value"\nmodel_provider = "parley"\n/);
    expect(statSync(join(place.data, "real.toml")).mode & 0o777).toBe(0o640);
    const [copy = ""] = readdirSync(place.data).filter((name) => /^real\.toml\..*\.bak$/.test(name));
    expect(readFileSync(join(place.data, copy), "utf8")).toBe(before);
    expect((await write()).stdout).toContain("Nothing to change");
    expect(readdirSync(place.data).filter((name) => name.endsWith(".bak"))).toHaveLength(1);
  });

  it("writes nothing where one of the files cannot be merged", async () => {
    const folder = join(place.data, "pi");
    mkdirSync(folder);
    writeFileSync(join(folder, "settings.json"), "{ // a comment\n}");
    const { code, stderr } = await place.run(["client", "pi", "--url", url, "--folder", folder, "--write"]);
    expect(code).toBe(2);
    expect(stderr).toContain("settings.json is not plain JSON");
    expect(readdirSync(folder)).toEqual(["settings.json"]);
  });

  it("puts opencode below the folder that its variable names", async () => {
    const { stdout } = await place.run(["client", "opencode", "--url", url, "--json"], { XDG_CONFIG_HOME: "/x" });
    expect(stdout).toContain('"/x/opencode/opencode.json"');
  });

  it("says what is wrong with a name and an address", async () => {
    const [client, address, model] = await Promise.all([
      place.run(["client", "codx"]),
      place.run(["client", "pi", "--url", "10.0.0.5:8787"]),
      place.run(["client", "pi", "--model", "gpt"]),
    ]);
    expect(client.stderr).toContain("(Did you mean codex?)");
    expect(address.stderr).toContain("http://127.0.0.1:8787/v1");
    expect(model.stderr).toContain("unknown model 'gpt'");
    expect([client.code, address.code, model.code]).toEqual([2, 2, 2]);
  });
});

it("docs/clients.md is made from the table", () => {
  const page = readFileSync(new URL("../../../docs/clients.md", import.meta.url), "utf8");
  expect(page === clientsPage(), "run node tools/clients-doc.ts").toBe(true);
});
