import { z } from "zod";
import { Secret } from "../lib/secret.ts";
import { days, httpUrl, positive, secret } from "../lib/setting-type.ts";

const mebibyte = 1024 * 1024;

const bucket = z.strictObject({
  endpoint: httpUrl.describe("Base URL of the S3-compatible service, without the bucket."),
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "is no bucket name")
    .describe("Name of the bucket, which must exist."),
  region: z.string().min(1).default("us-east-1").describe("Region that requests are signed for."),
  key: z.string().min(1).describe("Access key id."),
  secret: secret.describe("Secret access key; give it by reference."),
  prefix: z
    .string()
    .regex(/^[\w./-]*$/, "may hold letters, digits and ._-/ only")
    .default("")
    .describe("Put before the name of every object."),
  pathStyle: z.boolean().default(true).describe("Bucket in the path; `false`: in the host name."),
});

/** The settings `store`: the database. */
export const storeSettings = z.strictObject({
  url: z
    .string()
    .regex(/^postgres(ql)?:\/\/./, "must begin with postgres://")
    .transform((url) => new Secret(url))
    .exactOptional()
    .describe("A PostgreSQL database, for several processes; default a SQLite file in the data folder."),
});

/** The settings `ledger`: what every request used. */
export const ledgerSettings = z.strictObject({
  keepDays: days
    .min(2)
    .exactOptional()
    .describe("Days after which rows of the ledger are deleted; reports keep their sums by the hour. Default: never."),
});

/** Of the settings `responses`: how much one key may keep. */
export const responseQuotaSettings = {
  quotaBytes: positive
    .default(10_240 * mebibyte)
    .describe("Most bytes that the stored responses of one key may take together."),
  quotaCount: positive.default(1_000_000).describe("Most stored responses of one key."),
};

/** The settings `files`: what callers upload (docs/files.md). */
export const fileSettings = z
  .strictObject({
    store: z
      .enum(["disk", "s3"])
      .default("disk")
      .describe("Where uploaded files are kept: in the data folder, or in a bucket (`files.s3`)."),
    s3: bucket.exactOptional().describe("The bucket: endpoint, bucket, region, key, secret, prefix, pathStyle."),
    // what S3 takes in one request
    fileBytes: positive
      .max(5120 * mebibyte)
      .default(512 * mebibyte)
      .describe("Largest file in bytes; no purpose allows more than 512 MiB."),
    quotaBytes: positive.default(10_240 * mebibyte).describe("Most bytes that the files of one key may have together."),
    quotaCount: positive.default(1000).describe("Most files of one key."),
    retentionDays: days.default(7).describe("Days after which files are deleted (vendor: 7)."),
  })
  .refine(({ store, s3 }) => store !== "s3" || s3 !== undefined, {
    path: ["s3"],
    message: "is needed when files.store is s3",
  });
