import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  path: string;
  range: string | undefined;
  ifRange: string | undefined;
  authorization: string | undefined;
}

/** How the stand-in behaves; tests change it between requests. */
export interface HubManners {
  /** Bytes of a body after which nothing more comes. */
  hangAfter?: number;
  ignoresRange?: boolean;
  /** Told instead of the true checksum; `""` tells none. */
  checksum?: string;
  /** Told instead of the true tag; `""` tells none. */
  etag?: string;
  /** Answered instead of a file. */
  status?: number;
  /** Told instead of the true length, and no body. */
  claimedLength?: number;
}

export interface StandInHub {
  /** The hub, and the content network it redirects to. */
  url: string;
  cdn: string;
  manners: HubManners;
  hubAsked: Asked[];
  cdnAsked: Asked[];
  /** The bytes served; may be replaced. */
  file: Buffer;
  /** Breaks every connection of the content network. */
  cut(): void;
  stop(): Promise<void>;
}

export const filePath = "/owner/model-GGUF/resolve/main/model-q8.gguf";

/** A hub on free loopback ports: `filePath` is redirected to a second server, as the real one does. */
export async function startHub(file: Buffer): Promise<StandInHub> {
  const front = createServer((request, response) => answerFront(hub, request, response));
  const content = createServer((request, response) => answerContent(hub, request, response));
  const hub: StandInHub = {
    url: await listen(front),
    cdn: await listen(content),
    manners: {},
    hubAsked: [],
    cdnAsked: [],
    file,
    cut: () => content.closeAllConnections(),
    stop: async () => {
      for (const server of [front, content]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve)); // also when it is closed already
      }
    },
  };
  return hub;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function note(request: IncomingMessage): Asked {
  const { range, "if-range": ifRange, authorization } = request.headers;
  return { path: request.url ?? "", range, ifRange: ifRange as string | undefined, authorization };
}

function answerFront(hub: StandInHub, request: IncomingMessage, response: ServerResponse): void {
  hub.hubAsked.push(note(request));
  const { status, checksum = sha256(hub.file) } = hub.manners;
  if (status !== undefined) return void response.writeHead(status).end("no");
  if (request.url === "/loop.gguf") return void response.writeHead(302, { location: "/loop.gguf" }).end();
  if (request.url !== filePath) return void response.writeHead(404).end("no such file");
  const told = checksum === "" ? {} : { "x-linked-etag": `"${checksum}"`, "x-linked-size": String(hub.file.length) };
  response.writeHead(302, { location: `${hub.cdn}/blob?signature=x`, etag: '"git-tag"', ...told }).end();
}

function answerContent(hub: StandInHub, request: IncomingMessage, response: ServerResponse): void {
  const asked = note(request);
  hub.cdnAsked.push(asked);
  const { file, manners } = hub;
  const etag = manners.etag ?? `"${sha256(file).slice(0, 16)}"`;
  const tag = etag === "" ? {} : { etag };
  if (manners.claimedLength !== undefined) {
    response.writeHead(200, { "content-length": manners.claimedLength, ...tag });
    response.flushHeaders();
    return;
  }
  const from = /^bytes=(\d+)-$/.exec(asked.range ?? "");
  const same = asked.ifRange === undefined || asked.ifRange === etag;
  if (from === null || manners.ignoresRange === true || !same) {
    response.writeHead(200, { "content-length": file.length, ...tag });
    return send(hub, response, file);
  }
  const start = Number(from[1]);
  if (start >= file.length) return void response.writeHead(416, { "content-range": `bytes */${file.length}` }).end();
  const rest = file.subarray(start);
  response.writeHead(206, {
    "content-length": rest.length,
    "content-range": `bytes ${start}-${file.length - 1}/${file.length}`,
    ...tag,
  });
  send(hub, response, rest);
}

function send(hub: StandInHub, response: ServerResponse, bytes: Buffer): void {
  const { hangAfter } = hub.manners;
  if (hangAfter === undefined) response.end(bytes);
  else response.write(bytes.subarray(0, hangAfter));
}
