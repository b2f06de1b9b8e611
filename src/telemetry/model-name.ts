/** A name that callers choose; whatever does not look like one could be anything, and is not shown. */
export function modelName(model: string): string | undefined {
  return /^[\p{L}\p{N}_.:/@+-]{1,120}$/u.test(model) ? model : undefined;
}
