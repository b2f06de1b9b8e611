import { ParleyError } from "../model/error.ts";

/** What the media of one request are refused for, in the words of the vendor where it has some. */

/** Parts of one request, its history included (MiniMax Provider Verifier, m3_format_check, 2026-06). */
const maxParts = { image: 200, video: 20 } as const;

export type MediaCount = Record<keyof typeof maxParts, number>;

/** `param`: the part's place in the caller's body. */
export function tooLarge(maxBytes: number, param: string): ParleyError {
  return new ParleyError("invalid", `media exceeds size limit: max ${maxBytes} bytes`, { param });
}

export function tooLargeTogether(maxBytes: number, param: string): ParleyError {
  return new ParleyError("invalid", `the media of one request exceed ${maxBytes} bytes together`, { param });
}

export function tooLate(requestMs: number): ParleyError {
  return new ParleyError(
    "invalid",
    `not all media of the request could be prepared within ${requestMs / 1000} seconds`,
  );
}

/** Throws `invalid` when the part of this type that was counted last is one too many. */
export function checkCount(type: keyof MediaCount, count: MediaCount, param: string): void {
  if (count[type] <= maxParts[type]) return;
  throw new ParleyError("invalid", `the num of ${type} is larger than the limit: ${maxParts[type]}`, { param });
}
