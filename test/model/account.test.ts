import { describe, expect, it } from "vitest";
import { formatSubject, monthOf, parseSubject, subjectsOf, type Subject } from "../../src/model/account.ts";

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

describe("monthOf", () => {
  it("is the calendar month in UTC", () => {
    expect(monthOf(Date.UTC(2026, 10, 30, 23, 59, 59))).toBe(202_611);
    expect(monthOf(Date.UTC(2026, 11, 1))).toBe(202_612);
  });
});
