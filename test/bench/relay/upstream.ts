/**
 * A fake upstream in a process of its own: answers every path with a chat completion, streamed and unstreamed as asked. The
 * model's name says how long the answer is and how fast it comes (`answers.ts`). Prints where it listens.
 */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerOf, chunk, slowAnswer, slowPauseMs, timeWords } from "./answers.ts";

/** Slow streams in groups, one for each millisecond of the pause, so that what they send is spread over it evenly. */
class SlowStreams {
  // changed by events
  private readonly groups = Array.from({ length: slowPauseMs }, () => new Map<ServerResponse, number>());
  /** Group that the next stream joins. */
  private next = 0;
  /** Milliseconds since the start whose group was served last. */
  private served = 0;
  private timer: NodeJS.Timeout | undefined;

  add(response: ServerResponse): void {
    const group = this.groups[this.next++ % slowPauseMs];
    group?.set(response, 0);
    response.once("close", () => group?.delete(response));
    if (this.timer !== undefined) return;
    this.served = Math.floor(performance.now());
    this.timer = setInterval(() => this.serve(), 1);
  }

  private serve(): void {
    const now = Math.floor(performance.now());
    for (; this.served < now; this.served += 1) {
      const group = this.groups[this.served % slowPauseMs];
      for (const [response, sent] of group ?? []) {
        sendEvent(response, sent);
        group?.set(response, sent + 1);
      }
    }
  }
}

/** Sends event number `sent` of the slow answer. */
function sendEvent(response: ServerResponse, sent: number): void {
  if (response.writableEnded) return;
  const { events } = answerOf(slowAnswer);
  const isWord = sent > 0 && sent < events.length - 3;
  response.write(isWord ? chunk({ content: timeWords(Date.now()) }) : (events[sent] ?? ""));
  if (sent === events.length - 1) response.end();
}

const slow = new SlowStreams();

async function stream(response: ServerResponse, model: string): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  if (model === slowAnswer) return slow.add(response);
  for (const event of answerOf(model).events) {
    if (response.destroyed) return;
    if (!response.write(event)) await drained(response);
  }
  response.end();
}

/** Resolves when the socket takes more, or is gone. */
async function drained(response: ServerResponse): Promise<void> {
  const settled = new AbortController();
  const { signal } = settled;
  await Promise.race(["drain", "close"].map((name) => once(response, name, { signal }))).catch(() => undefined);
  settled.abort();
}

const server = createServer((request, response) => {
  // health probes
  if (request.method === "GET") return void response.writeHead(200).end('{"object":"list","data":[]}');
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => pieces.push(piece));
  request.on("end", () => {
    const asked = JSON.parse(Buffer.concat(pieces).toString("utf8")) as { stream?: boolean; model: string };
    if (asked.stream === true) void stream(response, asked.model);
    else response.writeHead(200, { "content-type": "application/json" }).end(answerOf(asked.model).whole);
  });
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
process.once("SIGTERM", () => process.exit(0));
