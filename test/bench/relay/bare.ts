/**
 * The measure of a relay: a bare proxy before the upstream that its argument names. JSON is parsed and written both ways,
 * streams are piped through; no keys, no checks, no accounts. Prints where it listens.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";
import { Pool } from "undici";

const pool = new Pool(process.argv[2] ?? "");

async function relay(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  const body = JSON.stringify(JSON.parse(Buffer.concat(pieces).toString("utf8")));
  const headers = { "content-type": "application/json" };
  const answer = await pool.request({ method: "POST", path: request.url ?? "/", headers, body });
  const type = String(answer.headers["content-type"]);
  response.writeHead(answer.statusCode, { "content-type": type });
  if (type === "application/json") response.end(JSON.stringify(await answer.body.json()));
  else pipeline(answer.body, response, () => undefined);
}

const server = createServer((request, response) => {
  relay(request, response).catch(() => response.destroy());
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
process.once("SIGTERM", () => process.exit(0));
