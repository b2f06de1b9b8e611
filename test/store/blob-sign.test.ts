/** The examples of the AWS documentation, "Authenticating Requests: Using the Authorization Header (Version 4)". */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { emptySha256, signed } from "../../src/store/blob/sign.ts";

const keys = {
  key: "AKIAIOSFODNN7EXAMPLE",
  secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  region: "us-east-1",
};
const at = new Date("2013-05-24T00:00:00.000Z");
const base = "https://examplebucket.s3.amazonaws.com";

it.each([
  [
    "GET object",
    { method: "GET", url: `${base}/test.txt`, headers: { range: "bytes=0-9" }, sha256: emptySha256 },
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  ],
  [
    "PUT object",
    {
      method: "PUT",
      url: `${base}/test$file.text`,
      headers: { date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
      sha256: createHash("sha256").update("Welcome to Amazon S3.").digest("hex"),
    },
    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
  ],
  [
    "GET bucket lifecycle",
    { method: "GET", url: `${base}/?lifecycle`, headers: {}, sha256: emptySha256 },
    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
  ],
  [
    "list objects",
    { method: "GET", url: `${base}/?max-keys=2&prefix=J`, headers: {}, sha256: emptySha256 },
    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  ],
])("signs %s", (_name, { url, ...request }, signature) => {
  const { authorization } = signed({ ...request, headers: request.headers as never, url: new URL(url), at }, keys);
  expect(authorization).toContain("Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request");
  expect(authorization).toContain(`Signature=${signature}`);
});
