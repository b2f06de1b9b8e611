import { join } from "node:path";
import type { BlobStore, Spool } from "./blob.ts";
import { DiskBlobs, DiskSpool } from "./disk.ts";
import type { BucketOptions } from "./s3.ts";

/**
 * Where uploaded files come in and where they are kept: both below `folder`, or kept in a bucket where one is given.
 */
export async function openBlobs(folder: string, bucket?: BucketOptions): Promise<{ spool: Spool; blobs: BlobStore }> {
  const files = join(folder, "files");
  const spool = new DiskSpool(files);
  if (bucket === undefined) return { spool, blobs: new DiskBlobs(files) };
  const { BucketBlobs } = await import("./s3.ts");
  return { spool, blobs: new BucketBlobs(bucket) };
}
