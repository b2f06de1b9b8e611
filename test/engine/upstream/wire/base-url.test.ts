import { expect, it } from "vitest";
import { publicNames, readBaseUrl } from "../../../../src/engine/upstream/wire/base-url.ts";

it("shows host and port of a server, and nothing else of its URL", () => {
  const urls = [
    "http://user:passw0rd@127.0.0.1:8001/v1?token=abc",
    "https://gpu.example.com/secret-path/v1",
    "http://gpu.example.com/v1",
    "http://127.0.0.1:8001/other",
    "http://[::1]:8002",
  ];
  expect(publicNames(urls)).toEqual([
    "127.0.0.1:8001",
    "gpu.example.com:443",
    "gpu.example.com:80",
    "127.0.0.1:8001#2",
    "[::1]:8002",
  ]);
});

it("keeps credentials and query for the calls only", () => {
  const base = readBaseUrl("http://user:passw%40rd@127.0.0.1:8001/v1?token=abc");
  expect(base).toMatchObject({ name: "http://127.0.0.1:8001/v1", query: "?token=abc" });
  expect(base.authorization).toBe(`Basic ${Buffer.from("user:passw@rd").toString("base64")}`);
});
