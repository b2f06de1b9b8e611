import { open, stat } from "node:fs/promises";

/** Magic number, version and two counts of 8 bytes (ggml-org/ggml, docs/gguf.md). */
const headerBytes = 24;
const newestVersion = 16;

/** Throws an `Error` that names the path where there is no file, or one that does not begin as a GGUF file does. */
export async function checkModelFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) throw new Error(`no model file at '${path}'`);
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headerBytes), 0, headerBytes, 0);
    const version = bytesRead === headerBytes ? buffer.readUInt32LE(4) : 0;
    if (buffer.toString("latin1", 0, 4) === "GGUF" && version > 0 && version <= newestVersion) return;
  } finally {
    await file.close();
  }
  throw new Error(`'${path}' is not a GGUF file, or only the beginning of one`);
}
