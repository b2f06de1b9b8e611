/** Why the disk does not take what is written; by the system's codes (errno(3)). */
export type DiskFault = "full" | "read-only";

const faults: Readonly<Record<string, DiskFault>> = {
  ENOSPC: "full",
  EDQUOT: "full",
  EFBIG: "full",
  EROFS: "read-only",
  EACCES: "read-only",
  EPERM: "read-only",
};

/** `undefined` for every other error. */
export function diskFault(error: unknown): DiskFault | undefined {
  return error instanceof Error && "code" in error ? faults[String(error.code)] : undefined;
}
