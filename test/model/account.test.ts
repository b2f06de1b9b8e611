import { describe, expect, it } from "vitest";
import {
  calendarOf,
  dollarText,
  endOf,
  formatSubject,
  parseSubject,
  periods,
  startOf,
  subjectsOf,
  type Subject,
} from "../../src/model/account.ts";

describe("subjects", () => {
  const subjects: Subject[] = [
    { kind: "key", id: "static-1" },
    { kind: "organisation", id: "a:b" },
    { kind: "model", id: "MiniMax-M3" },
  ];

  it.each(subjects)("$kind:$id is read as it was written", (subject) => {
    expect(parseSubject(formatSubject(subject))).toEqual(subject);
  });

  it.each(["", "key", "key:", "keys:a", " key:a", ":a", "organization:a"])("%j is none", (text) => {
    expect(parseSubject(text)).toBeUndefined();
  });

  it("of a request are its key and the organisation of that", () => {
    expect(subjectsOf({ keyId: "a" })).toEqual(["key:a"]);
    expect(subjectsOf({ keyId: "a", organisation: null })).toEqual(["key:a"]);
    expect(subjectsOf({ keyId: "a", organisation: "o" })).toEqual(["key:a", "organisation:o"]);
  });
});

describe("periods", () => {
  const iso = (time: number | undefined): string | undefined =>
    time === undefined ? undefined : new Date(time).toISOString().slice(0, 10);

  it.each([
    // Sunday, the last moment of its day; Monday, the first; a leap day; the end of a year
    [
      "2026-11-29T23:59:59.999Z",
      ["2026-11-29", "2026-11-23", "2026-11-01"],
      ["2026-11-30", "2026-11-30", "2026-12-01"],
    ],
    [
      "2026-11-30T00:00:00.000Z",
      ["2026-11-30", "2026-11-30", "2026-11-01"],
      ["2026-12-01", "2026-12-07", "2026-12-01"],
    ],
    [
      "2028-02-29T12:00:00.000Z",
      ["2028-02-29", "2028-02-28", "2028-02-01"],
      ["2028-03-01", "2028-03-06", "2028-03-01"],
    ],
    [
      "2026-12-31T23:00:00.000Z",
      ["2026-12-31", "2026-12-28", "2026-12-01"],
      ["2027-01-01", "2027-01-04", "2027-01-01"],
    ],
  ])("of %s begin and end in UTC, weeks on Monday", (moment, starts, ends) => {
    const at = Date.parse(moment);
    expect(periods.map((period) => iso(startOf(period, at)))).toEqual([...starts, undefined]);
    expect(periods.map((period) => iso(endOf(period, at)))).toEqual([...ends, undefined]);
    for (const period of ["day", "week", "month"] as const) {
      const end = endOf(period, at) ?? 0;
      expect(calendarOf(end - 1)[period]).toBe(calendarOf(at)[period]);
      expect(calendarOf(end)[period]).toBeGreaterThan(calendarOf(at)[period]);
    }
  });

  it.each([
    [12_500_000, "12.5"],
    [-4_100, "-0.0041"],
    [0, "0"],
    [100_000_000, "100"],
  ])("%d millionths are %s dollars", (amount, text) => {
    expect(dollarText(amount)).toBe(text);
  });
});
