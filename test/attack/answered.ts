/** Many requests of which each one has to be answered, and none as the server's own fault. */
import { WebSocket } from "ws";
import { inParallel, lastEvent, tally, type Answer, type Client } from "./client.ts";

/** Requests at once. */
export const width = 8;

/** Throws when an answer is a fault of the server, or none. */
export function judge(answers: readonly Answer[], sent: (index: number) => unknown): string {
  const at = answers.findIndex(({ status }) => status === 0 || status >= 500);
  const wrong = answers[at];
  if (wrong !== undefined) {
    const all = answers.filter(({ status }) => status === 0 || status >= 500);
    throw new Error(
      `${tally(all)}; number ${at}: ${wrong.text.slice(0, 120)} for ${JSON.stringify(sent(at)).slice(0, 400)}`,
    );
  }
  return tally(answers);
}

/** Sends each body to the path. */
export async function answeredOverHttp(client: Client, path: string, list: readonly unknown[]): Promise<string> {
  const answers = await inParallel(list.length, width, (index) =>
    client.send(path, list[index] ?? null, { timeoutMs: 10_000 }),
  );
  return judge(answers, (index) => list[index]);
}

/** Sends each message over a WebSocket; a closed connection is opened anew. */
export async function answeredOverSocket(client: Client, list: readonly unknown[]): Promise<string> {
  const connections = await Promise.all(Array.from({ length: width }, () => client.webSocket()));
  const free = [...connections];
  const answers = await inParallel(list.length, width, async (index): Promise<Answer> => {
    let connection = free.pop();
    if (connection?.readyState !== WebSocket.OPEN) connection = await client.webSocket();
    const last = lastEvent(connection, 10_000);
    connection.send(JSON.stringify(list[index] ?? null));
    const { type, text } = await last;
    free.push(connection);
    const isFault = /"http_code":"5|"status":5\d\d|\(1000\)|"code":"server_error"/.test(text);
    const status = type === "silence" || type === "closed" ? 0 : isFault ? 500 : type === "error" ? 400 : 200;
    return { status, text: `${type} ${text}`, ms: 0 };
  });
  return judge(answers, (index) => list[index]);
}
