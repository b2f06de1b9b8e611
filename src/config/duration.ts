import { z } from "zod";

/** Seconds that the runtime's timers can count: with more than 2^31 ms they would go off at once. */
export const seconds = z.number().max(2_000_000);
/** Days, up to a hundred years. */
export const days = z.number().positive().max(36_500);
