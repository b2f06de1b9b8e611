/** A sick upstream in a process of its own: the last message of a request names the sickness. Prints where it listens. */
import { fakeServer } from "../engine/upstream/fake.ts";
import { sicknesses } from "./sick.ts";

const server = await fakeServer(async ({ body }, response) => {
  const messages = (body["messages"] ?? []) as { content: unknown }[];
  const name = messages.at(-1)?.content;
  const sickness = typeof name === "string" ? sicknesses[name] : undefined;
  await (sickness ?? sicknesses["healthy"])?.(response);
});
process.stdout.write(`${server.origin}\n`);
process.once("SIGTERM", () => process.exit(0));
