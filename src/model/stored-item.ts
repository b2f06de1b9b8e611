import { z } from "zod";
import { roles, type Item } from "./item.ts";
import { isObject, type JsonObject } from "./json.ts";

/**
 * The form in which items are stored as JSON: as surfaces make them. What `media/prepare` adds is never stored. Who
 * stores items puts a version beside them; a change here is a new version there.
 */

const picture = {
  media: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("url"), url: z.string() }),
    z.object({ kind: z.literal("file"), fileId: z.string() }),
  ]),
  detail: z.enum(["low", "default", "high"]),
  maxLongSide: z.number().exactOptional(),
  param: z.string().exactOptional(),
};
const parts = z.array(
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("text"), text: z.string() }),
    z.object({ type: z.literal("image"), ...picture }),
    z.object({ type: z.literal("video"), ...picture, fps: z.number() }),
  ]),
);

export const storedItem: z.ZodType<Item> = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("message"),
    role: z.enum(roles),
    parts,
    name: z.string().exactOptional(),
    phase: z.string().exactOptional(),
    tools: z.array(z.custom<JsonObject>(isObject)).exactOptional(),
  }),
  z.object({ type: z.literal("reasoning"), text: z.string(), encrypted: z.string().exactOptional() }),
  z.object({ type: z.literal("call"), id: z.string(), name: z.string(), args: z.string() }),
  z.object({ type: z.literal("result"), id: z.string(), parts, failed: z.boolean() }),
]);
