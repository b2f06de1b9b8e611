import { createHash, createHmac } from "node:crypto";

/** Keys of a bucket and where it lies. */
export interface SigningKeys {
  key: string;
  secret: string;
  region: string;
}

export interface Signable {
  method: string;
  url: URL;
  /** Lower-case names; `host` is taken from the URL. */
  headers: Readonly<Record<string, string>>;
  /** Hex SHA-256 of the body. */
  sha256: string;
  at: Date;
}

/** Hex SHA-256 of no bytes. */
export const emptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/**
 * The headers of a request to an S3 bucket, signed with AWS Signature Version 4: those given and `x-amz-date`,
 * `x-amz-content-sha256` and `authorization`. Held against the published examples of the AWS documentation
 * ("Authenticating Requests: Using the Authorization Header").
 */
export function signed({ method, url, headers, sha256, at }: Signable, keys: SigningKeys): Record<string, string> {
  const time = at.toISOString().replace(/[-:]|\.\d{3}/g, "");
  const scope = `${time.slice(0, 8)}/${keys.region}/s3/aws4_request`;
  const all: Record<string, string> = { ...headers, "x-amz-date": time, "x-amz-content-sha256": sha256 };
  const named = Object.entries({ ...all, host: url.host })
    .map(([name, value]) => [name, value.trim().replace(/ +/g, " ")] as const)
    .toSorted(byName);
  const names = named.map(([name]) => name).join(";");
  const canonical = [
    method,
    path(url),
    query(url),
    ...named.map(([name, value]) => `${name}:${value}`),
    "",
    names,
    sha256,
  ].join("\n");
  const text = ["AWS4-HMAC-SHA256", time, scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
  const signature = hmac(signingKey(keys, time.slice(0, 8)), text).toString("hex");
  const credential = `Credential=${keys.key}/${scope}`;
  all["authorization"] = `AWS4-HMAC-SHA256 ${credential},SignedHeaders=${names},Signature=${signature}`;
  return all;
}

function signingKey(keys: SigningKeys, day: string): Buffer {
  return hmac(hmac(hmac(hmac(`AWS4${keys.secret}`, day), keys.region), "s3"), "aws4_request");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}

function path(url: URL): string {
  return url.pathname
    .split("/")
    .map((part) => encoded(decodeURIComponent(part)))
    .join("/");
}

function query(url: URL): string {
  return [...url.searchParams]
    .map(([name, value]) => [encoded(name), encoded(value)] as const)
    .toSorted(byName)
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/** All but unreserved characters, as the signature counts them. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

function byName(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] === b[0] ? (a[1] < b[1] ? -1 : 1) : a[0] < b[0] ? -1 : 1;
}
