import { createHash } from "node:crypto";
import type { Item, Media, Part } from "../../model/item.ts";
import type { Json, JsonObject } from "../../model/json.ts";
import type { GenerationRequest } from "../../model/request.ts";

/**
 * The request as it is recorded and compared: what decides the answer, without what differs from run to run (`id`,
 * `createdAt`, `cacheKey`, `tier`, encrypted reasoning, the ids of calls) and without keys. Bytes are digests.
 */
export function canonicalRequest(request: GenerationRequest): JsonObject {
  const { model, items, tools, toolChoice, parallelCalls, reasoning, format, sampling } = request;
  const callNumbers = new Map<string, number>();
  const callId = (id: string): string => {
    if (!callNumbers.has(id)) callNumbers.set(id, callNumbers.size + 1);
    return `call-${callNumbers.get(id)}`;
  };
  const plain = { model, reasoning, format, sampling, toolChoice, parallelCalls, tools };
  return withoutKeys({ ...plain, items: items.map((item) => canonicalItem(item, callId)) }) as JsonObject;
}

/** 64 hex digits; equal for equal requests, whatever the order of fields. */
export function digestOf(canonical: JsonObject): string {
  return createHash("sha256")
    .update(JSON.stringify(sorted(canonical)))
    .digest("hex");
}

function canonicalItem(item: Item, callId: (id: string) => string): object {
  switch (item.type) {
    case "message":
      return { type: item.type, role: item.role, name: item.name, parts: item.parts.map(canonicalPart) };
    case "reasoning":
      return { type: item.type, text: item.text };
    case "call":
      return { type: item.type, id: callId(item.id), name: item.name, args: item.args };
    case "result":
      return { type: item.type, id: callId(item.id), failed: item.failed, parts: item.parts.map(canonicalPart) };
  }
}

function canonicalPart(part: Part): object {
  if (part.type === "text") return { type: part.type, text: part.text };
  const { type, detail, maxLongSide } = part;
  const frames =
    part.type === "video" ? part.frames?.map(({ at, bytes }) => ({ at, sha256: sha256(bytes) })) : undefined;
  const fps = part.type === "video" ? part.fps : undefined;
  return {
    type,
    detail,
    maxLongSide,
    fps,
    frames,
    ...(frames === undefined ? { media: canonicalMedia(part.media) } : {}),
  };
}

/** An address may carry a signature: what follows its path counts for the digest and is not shown. */
function canonicalMedia(media: Media): object {
  if (media.kind === "bytes") return { mime: media.mime, bytes: media.bytes.length, sha256: sha256(media.bytes) };
  if (media.kind === "file") return media;
  const text = String(media.url);
  const isData = text.startsWith("data:");
  return {
    url: isData ? "data:" : text.replace(/\/\/[^/@]*@/, "//").replace(/[?#].*$/s, ""),
    sha256: sha256(text),
  };
}

function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What keys of the common services look like, and what follows `Bearer`. */
const keyPattern = /\b(?:sk|pk|hf|ghp|gho|xox[abp])[-_][\w-]{12,}|\bBearer\s+[\w.~+/-]{12,}=*/g;

/** Every text without what looks like a key; members that are `undefined` fall away. */
function withoutKeys(value: unknown): Json {
  if (typeof value === "string") return value.replace(keyPattern, "***");
  if (Array.isArray(value)) return value.map(withoutKeys);
  if (typeof value !== "object" || value === null) return value as Json;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(entries.map(([name, one]) => [name, withoutKeys(one)]));
}

function sorted(value: Json | undefined): Json | undefined {
  if (Array.isArray(value)) return value.map((one: Json) => sorted(one) ?? null);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value as JsonObject).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([name, one]) => [name, sorted(one)]));
}
