import { z } from "zod";
import { Secret } from "./secret.ts";

/** Types that several settings share. */

export const positive = z.int().min(1);

/** At most what the runtime's timers can count: with more than 2^31 ms they would fire at once. */
export const seconds = z.number().max(2_000_000);

/** Seconds above 0, read as milliseconds. */
export const deadline = seconds.positive().transform((value) => value * 1000);

/** Days, up to a hundred years. */
export const days = z.number().positive().max(36_500);

export const httpUrl = z.url({ protocol: /^https?$/ });

/** A text that is neither logged nor written out. */
export const secret = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));

/** The origin of web pages in the form in which browsers send it, or a word that stands for several. */
export const webOrigin = z.union([
  z.enum(["*", "loopback", "null"]),
  z.string().transform((text, context) => {
    const web = /^https?:/i.test(text);
    const origin = web ? URL.parse(text)?.origin : text.toLowerCase();
    if (origin !== undefined && /^[a-z][a-z\d+.-]*:\/\/[^\s/?#@*]+$/i.test(text)) return origin;
    context.addIssue({ code: "custom", message: "must be an origin" });
    return z.NEVER;
  }),
]);

const host = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9])?$/i;
/** A host name (`*.` before it for all below), an address, or a network in CIDR form. */
export const networkPlace = z.union([
  z.ipv4(),
  z.ipv6(),
  z.cidrv4(),
  z.cidrv6(),
  z.string().regex(host, "is no host, address or network"),
]);
