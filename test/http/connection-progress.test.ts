/** A connection is not ended for a silence that was before: neither of the process nor of an earlier request. */
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { beforeEach, expect, it } from "vitest";
import { Connection } from "../../src/http/connection/connection.ts";
import { LoopTurns } from "../../src/http/connection/loop-turns.ts";

// the process has run for longer than that
const stallMs = 50;
const timeouts = { headersMs: 1e6, bodyMs: 1e6, uploadMs: 1e6, refusedMs: 1e6, idleMs: 1e6, stallMs, closeMs: 1e6 };

let socket: EventEmitter & { bytesRead: number; bytesWritten: number; writableLength: number; destroyed: boolean };
let connection: Connection;
beforeEach(() => {
  socket = Object.assign(new EventEmitter(), {
    bytesRead: 0,
    bytesWritten: 0,
    writableLength: 0,
    destroyed: false,
    destroy() {
      this.destroyed = true;
    },
  });
  connection = new Connection(socket as unknown as Socket, { timeouts, turns: new LoopTurns() });
});

/** Looks at the connection as its clock would in so many milliseconds; whether it was ended. */
function endedIn(ms: number): boolean {
  connection.check(performance.now() + ms);
  return socket.destroyed;
}

function upload(): { complete: boolean } {
  const request = { complete: false, readableLength: 0, readableHighWaterMark: 65_536 };
  const response = Object.assign(new EventEmitter(), { writableFinished: false, headersSent: false });
  connection.receive(
    { request: request as IncomingMessage, response: response as unknown as ServerResponse, begin: () => undefined },
    "",
  );
  connection.allowUpload();
  return request;
}

it("the first bytes of an upload have their time", () => {
  expect(performance.now()).toBeGreaterThan(stallMs);
  socket.bytesRead = 2_000;
  upload();
  expect(endedIn(stallMs - 20)).toBe(false);
  expect(endedIn(stallMs + 1)).toBe(true);
});

it("and so have those of a later one on the same connection", () => {
  upload().complete = true;
  expect(endedIn(-10 * stallMs)).toBe(false);
  socket.bytesRead = 4_000;
  upload();
  expect(endedIn(stallMs - 20)).toBe(false);
  expect(endedIn(stallMs + 1)).toBe(true);
});

it("the first bytes of an answer have their time", () => {
  socket.writableLength = 1_000;
  expect(endedIn(stallMs - 20)).toBe(false);
  expect(endedIn(stallMs + 1)).toBe(true);
});
