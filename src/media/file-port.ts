/**
 * Finds a file that was uploaded before, for `mm_file://{file_id}`. `undefined` where there is none of this id that
 * belongs to the caller: nobody sees the files of others.
 */
export type FilePort = (fileId: string, callerKeyId: string) => Promise<StoredFile | undefined>;

export interface StoredFile {
  bytes: Uint8Array;
  /** As declared at upload; never trusted. */
  mime: string;
}
