/** The end of a server whose port is in use at that moment. */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { expect, it } from "vitest";
import { startServer } from "../e2e/start.ts";

it("answers the first request of a connection that came just before the port was closed", async () => {
  const server = await startServer({ engine: "sim" });
  const { port } = new URL(server.url);
  const socket = connect(Number(port), "127.0.0.1");
  await once(socket, "connect");
  let text = "";
  socket.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  const over = once(socket, "close");
  const closed = server.app.close(5);
  await wait(100);
  socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
  await over;
  expect(text).toMatch(/^HTTP\/1\.1 200 [^]*connection: close/i);
  await closed;
  await server.stop();
});

it("does not wait for a connection that sends nothing", async () => {
  const server = await startServer({ engine: "sim" });
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  await once(socket, "connect");
  const over = once(socket, "close");
  await server.app.close(60);
  await over;
  expect(socket.destroyed).toBe(true);
  await server.stop();
});
