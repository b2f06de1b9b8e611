import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { baseResp, envelope, envelopeTable } from "../../../src/surface/shared/envelope.ts";
import type { EnvelopeRow } from "../../../src/surface/shared/envelope.ts";
import { errorKinds, ParleyError } from "../../../src/model/error.ts";

const page = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");

function said(row: EnvelopeRow): string {
  if (row.fixed !== undefined) return row.fixed;
  return row.prefix === undefined ? "own words" : `\`${row.prefix.trim()}\` and own words`;
}

test("docs/errors.md shows every kind as the code sends it", () => {
  const rows = page.match(/^\| [a-z-]+ \| \d{3} \| .*$/gm) ?? [];
  const wanted = errorKinds.map((kind) => {
    const row = envelopeTable[kind];
    return `| ${kind} | ${row.status} | ${row.type} | ${row.code} | ${said(row)} |`;
  });
  expect(rows.toSorted()).toEqual(wanted.toSorted());
});

test("docs/errors.md explains every kind", () => {
  for (const kind of errorKinds) expect(page).toContain(`**${kind}**`);
});

test("the samples on the page are what the code makes", () => {
  const id = "06831089039ba716163002c8eb028bfa";
  const samples = [
    new ParleyError("invalid", "temperature: must be in [0, 2]"),
    new ParleyError("internal", "never shown"),
  ];
  for (const error of samples) {
    expect(page).toContain(JSON.stringify({ ...envelope(error, id).body, base_resp: baseResp(error) }));
  }
});
