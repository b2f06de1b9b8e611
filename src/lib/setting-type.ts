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
