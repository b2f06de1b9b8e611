/** A stand-in for an S3 service that holds its callers to Signature Version 4, written from the documentation anew. */
import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const bucketKeys = {
  key: "AKIDEXAMPLE",
  secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  region: "eu-test-1",
};

export interface Bucket {
  endpoint: string;
  /** By the whole path below the endpoint. */
  objects: Map<string, Buffer>;
  /** Statuses that the next requests are answered with, whatever they ask. */
  trouble: number[];
  /** Method and path of every request. */
  asked: string[];
  stop(): Promise<void>;
}

export async function startBucket(name: string): Promise<Bucket> {
  const objects = new Map<string, Buffer>();
  const trouble: number[] = [];
  const asked: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const path = (request.url ?? "").split("?")[0] ?? "";
    asked.push(`${request.method} ${path}`);
    const fail = (status: number, code: string): unknown =>
      response.writeHead(status).end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
    const pending = trouble.shift();
    if (pending !== undefined) return void fail(pending, "Trouble");
    const wrong = fault(request, path, body);
    if (wrong !== undefined) return void fail(403, wrong);
    if (!path.startsWith(`/${name}/`)) return void fail(404, "NoSuchBucket");
    if (request.method === "PUT") {
      objects.set(path, body);
      return void response.writeHead(200).end();
    }
    if (request.method === "DELETE") {
      objects.delete(path);
      return void response.writeHead(204).end();
    }
    const found = objects.get(path);
    if (found === undefined) return void fail(404, "NoSuchKey");
    response.writeHead(200, { "content-length": found.length }).end(found);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    trouble,
    asked,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

const sha256 = (bytes: string | Buffer): string => createHash("sha256").update(bytes).digest("hex");
const mac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** The S3 error code of a request that is not signed as it must be. */
function fault({ method, headers, url = "" }: IncomingMessage, path: string, body: Buffer): string | undefined {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
  const [, key, day = "", region = "", names = "", signature] = form.exec(headers.authorization ?? "") ?? [];
  if (key === undefined) return "AccessDenied";
  if (key !== bucketKeys.key) return "InvalidAccessKeyId";
  if (region !== bucketKeys.region) return "AuthorizationHeaderMalformed";
  const time = String(headers["x-amz-date"]);
  const [, year, month, date, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? [];
  const at = Date.UTC(Number(year), Number(month) - 1, Number(date), Number(hour), Number(minute), Number(second));
  if (!(Math.abs(Date.now() - at) < 900_000) || !time.startsWith(day)) return "RequestTimeTooSkewed";
  if (headers["x-amz-content-sha256"] !== sha256(body)) return "XAmzContentSHA256Mismatch";
  const list = names.split(";");
  if (!list.includes("host") || list.join() !== list.toSorted().join()) return "AuthorizationHeaderMalformed";
  if (Object.keys(headers).some((one) => one.startsWith("x-amz-") && !list.includes(one))) return "AccessDenied";
  const query = url.split("?")[1] ?? "";
  const lines = list.map((one) => `${one}:${String(headers[one])}\n`).join("");
  const canonical = `${method}\n${path}\n${query}\n${lines}\n${names}\n${sha256(body)}`;
  const text = `AWS4-HMAC-SHA256\n${time}\n${day}/${region}/s3/aws4_request\n${sha256(canonical)}`;
  const signing = mac(mac(mac(mac(`AWS4${bucketKeys.secret}`, day), region), "s3"), "aws4_request");
  return mac(signing, text).toString("hex") === signature ? undefined : "SignatureDoesNotMatch";
}
