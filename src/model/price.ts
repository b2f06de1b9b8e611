/** What a model's tokens cost, in millionths of a dollar per million tokens. */
export interface Price {
  input: number;
  /** Input that a prefix cache held. */
  cached: number;
  output: number;
  /** Other prices for a request whose input has more than `above` tokens. */
  long?: { above: number; input: number; cached: number; output: number };
  /** What `service_tier: priority` multiplies them by, in percent. */
  priorityPercent: number;
}
