import multipart, { type Multipart } from "@fastify/multipart";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ParleyError, invalid, type ErrorKind } from "../model/error.ts";
import { isObject } from "../model/json.ts";
import type { Authenticate } from "../policy/authenticate.ts";
import type { FileService, UploadPart } from "../service/file.ts";
import { envelope, baseResp } from "../surface/shared/envelope.ts";
import type { Reply } from "../surface/surface.ts";
import type { Log } from "../telemetry/log.ts";
import { readJson } from "./body.ts";
import type { JsonReader } from "./json-reader.ts";
import type { Connections } from "./connection/connections.ts";
import type { PublicUrl } from "./public-url.ts";
import type { RunningRequests } from "./running.ts";
import { callerOrigin } from "./headers.ts";
import { useAuthentication, useErrors } from "./server.ts";

export interface FilesRouteOptions {
  files: FileService;
  authenticate: Authenticate;
  running: RunningRequests;
  jsonReader: JsonReader;
  connections: Connections;
  publicUrl: PublicUrl;
  log: Log;
}

type FileRecord = Awaited<ReturnType<FileService["retrieve"]>>;
type Query = Readonly<Record<string, unknown>>;

const success = { status_code: 0, status_msg: "success" };
/** The codes that the vendor documents for these endpoints, where they differ from those of the text endpoints. */
const codes: Partial<Readonly<Record<ErrorKind, number>>> = { "key-rejected": 1004, overloaded: 1013, upstream: 1013 };

/** Bounds of a form, besides its file. */
const limits = { parts: 20, fields: 10, fieldSize: 1024, fieldNameSize: 100, headerPairs: 50 };
/** How long the rest of a refused upload is read, so that the client gets to read the answer. */
const drainMs = 10_000;
const deleteBodyLimit = 65_536;

/**
 * The vendor's file endpoints (MiniMax API docs, file management, 2026-08): an error is an answer of status 200 with a
 * code in `base_resp`. On `/v1/files` itself, which OpenAI's clients call, it has its true status.
 */
export async function mountFiles(server: FastifyInstance, options: FilesRouteOptions): Promise<void> {
  const calls = fileCalls(options);
  await server.register(async (scope) => {
    // the service bounds the file itself
    await scope.register(multipart, { throwFileSizeLimit: false, limits: { ...limits, fileSize: Infinity } });
    await scope.register(async (vendor) => {
      useErrors(vendor, vendorReply, options.log);
      await vendor.register(async (inner) => {
        useAuthentication(inner, options.authenticate, options.connections);
        mountVendorPaths(inner, calls);
      });
      mountContent(vendor, options);
    });
    await scope.register(async (openai) => {
      useErrors(openai, openaiReply, options.log);
      useAuthentication(openai, options.authenticate, options.connections);
      mountOpenAIPath(openai, calls);
    });
  });
}

function vendorReply(error: ParleyError, requestId: string): Reply {
  const { status_code, status_msg } = baseResp(error);
  const base = { status_code: codes[error.kind] ?? status_code, status_msg };
  return { ...envelope(error, requestId), status: 200, body: { base_resp: base } };
}

/** The envelope of all other paths, which OpenAI's clients throw, and what the vendor's command line reads. */
function openaiReply(error: ParleyError, requestId: string): Reply {
  const { status, headers, body } = envelope(error, requestId);
  return { status, headers, body: { ...body, base_resp: baseResp(error) } };
}

function mountVendorPaths(server: FastifyInstance, { upload, list, one, remove }: FileCalls): void {
  server.post("/v1/files/upload", upload);
  server.get("/v1/files/list", list);
  server.get("/v1/files/retrieve", one);
  server.post("/v1/files/delete", remove);
}

/** OpenAI's path, and that of older versions of the vendor's command line. */
function mountOpenAIPath(server: FastifyInstance, { upload, list, one, remove }: FileCalls): void {
  server.post("/v1/files", upload);
  server.get("/v1/files", (request) => (queryOf(request)["file_id"] === undefined ? list(request) : one(request)));
  server.delete("/v1/files", remove);
}

type FileCalls = ReturnType<typeof fileCalls>;

/** What the paths have in common. */
function fileCalls({ files, running, jsonReader, connections, publicUrl }: FilesRouteOptions) {
  const one = async (request: FastifyRequest): Promise<unknown> => {
    const file = await files.retrieve(queryOf(request)["file_id"], request.caller);
    const token = encodeURIComponent(files.link(file));
    const link = `${publicUrl(request)}/v1/files/retrieve_content?file_id=${file.id}&token=${token}`;
    return { file: { ...view(file), download_url: link }, base_resp: success };
  };
  const list = async (request: FastifyRequest): Promise<unknown> => {
    const purpose = queryOf(request)["purpose"];
    if (purpose !== undefined && typeof purpose !== "string") throw invalid("purpose", "is given twice");
    return { files: (await files.list(purpose, request.caller)).map(view), base_resp: success };
  };
  const upload = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const { signal } = running.track(reply.raw);
    connections.of(request.raw.socket)?.allowUpload();
    signal.addEventListener("abort", () => request.raw.destroy(), { once: true });
    try {
      const file = await files.upload(form(request), request.caller);
      return { file: view(file), base_resp: success };
    } catch (error) {
      await drain(request);
      throw error;
    }
  };
  const remove = async (request: FastifyRequest): Promise<unknown> => {
    const { file_id, purpose } = request.method === "DELETE" ? queryOf(request) : await deleteBody(request, jsonReader);
    return { file_id: await files.remove(file_id, purpose, request.caller), base_resp: success };
  };
  return { upload, list, one, remove };
}

/** Downloads, with a key or with the token of a download link. */
function mountContent(server: FastifyInstance, { files, authenticate }: FilesRouteOptions): void {
  server.get("/v1/files/retrieve_content", async (request, reply) => {
    const { file_id, token } = queryOf(request);
    const owner =
      typeof token === "string"
        ? files.linked(file_id, token)
        : await authenticate(request.headers.authorization, callerOrigin(request.raw));
    const { file, body } = await files.content(file_id, owner);
    return reply
      .headers({
        "content-type": file.mime,
        "content-length": file.bytes,
        "content-disposition": `attachment; filename*=UTF-8''${extended(file.filename)}`,
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
      })
      .send(body);
  });
}

function view({ id, bytes, createdAt, filename, purpose }: FileRecord): object {
  return { file_id: id, bytes, created_at: Math.floor(createdAt / 1000), filename, purpose };
}

/** The parts of a form. Throws `invalid` where the multipart body is damaged. */
async function* form(request: FastifyRequest): AsyncGenerator<UploadPart> {
  if (!request.isMultipart()) throw invalid("body", "must be multipart/form-data");
  const coding = request.headers["content-encoding"] ?? "identity";
  if (coding !== "identity") throw invalid("body", "must not be compressed (content-encoding)");
  try {
    for await (const part of request.parts()) yield uploadPart(part);
  } catch (error) {
    throw formError(error);
  }
}

function uploadPart(part: Multipart): UploadPart {
  const name = part.fieldname ?? "";
  if (part.type === "file") return { type: "file", name, filename: part.filename, chunks: chunksOf(part.file) };
  if (part.valueTruncated) throw invalid(name, "is too long");
  return { type: "field", name, value: part.value };
}

async function* chunksOf(file: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  try {
    yield* file;
  } catch (error) {
    throw formError(error);
  }
}

/** Only the parser fails here: everything else is thrown outside of the parts. */
function formError(error: unknown): ParleyError {
  if (error instanceof ParleyError) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "FST_MP_PREMATURE_CLOSE" || code === "ECONNRESET")
    return new ParleyError("canceled", "the upload broke off", { cause: error });
  const problem =
    code === "FST_PARTS_LIMIT" || code === "FST_FIELDS_LIMIT"
      ? "has too many parts"
      : "is not complete multipart/form-data";
  return new ParleyError("invalid", `body: ${problem}`, { param: "body", cause: error });
}

/** Reads and drops the rest of the body, for `drainMs` at most. */
async function drain({ raw }: FastifyRequest): Promise<void> {
  if (raw.readableEnded || raw.destroyed) return;
  raw.unpipe();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, drainMs);
  raw.once("end", resolve).once("close", resolve).resume();
  await promise;
  clearTimeout(timer);
}

async function deleteBody(request: FastifyRequest, jsonReader: JsonReader): Promise<Query> {
  const body = await readJson(request.raw, { limit: deleteBodyLimit, reader: jsonReader, signal: undefined });
  if (!isObject(body)) throw invalid("body", "must be a JSON object");
  return body;
}

function queryOf(request: FastifyRequest): Query {
  return request.query as Query;
}

/** A file name in the encoding of RFC 8187. */
function extended(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, (one) => `%${one.charCodeAt(0).toString(16)}`);
}
