/**
 * Finds a file that was uploaded before, for `mm_file://{file_id}`. `undefined` where there is none of this id that
 * belongs to the caller: nobody sees the files of others. `admit` is told the size before the file is read, and may
 * throw.
 */
export type FilePort = (
  fileId: string,
  callerKeyId: string,
  admit: (bytes: number) => void,
) => Promise<StoredFile | undefined>;

export interface StoredFile {
  bytes: Uint8Array;
  /** As declared at upload; never trusted. */
  mime: string;
}
