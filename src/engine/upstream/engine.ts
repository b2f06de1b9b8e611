import type { Engine } from "../engine.ts";
import type { ReplicaOptions } from "./replica/options.ts";
import { ReplicaSet } from "./replica/replicas.ts";
import { publicNames } from "./wire/base-url.ts";
import { UpstreamServer, type ServerOptions } from "./server.ts";

export interface UpstreamOptions extends Omit<ServerOptions, "url"> {
  /** Base URL, or those of several replicas of one server; a weight of 2 takes twice the requests. */
  url: string | readonly (string | { url: string; weight: number })[];
  /** How requests are spread over several base URLs. */
  replicas?: ReplicaOptions | undefined;
}

/** Any OpenAI-compatible chat server, or several of one kind behind one name. */
export function upstreamEngine(options: UpstreamOptions): Engine {
  const { url, replicas, ...server } = options;
  const places = [url].flat().map((place) => (typeof place === "string" ? { url: place, weight: 1 } : place));
  const named = publicNames(places.map((place) => place.url));
  const members = places.map((place, index) => ({
    name: named[index] ?? `replica ${index + 1}`,
    weight: place.weight,
    member: new UpstreamServer({ ...server, url: place.url }),
  }));
  if (members.length === 0) throw new Error("an upstream needs a base URL");
  return new ReplicaSet(members, replicas);
}
