import type { IdSource } from "../../model/id.ts";
import type { TextCipher } from "../../lib/cipher.ts";

export interface ResponsesOptions {
  ids: IdSource;
  /** What M3 does when `reasoning` is omitted: off by the vendor's page of 2026-11, adaptive by an older one in Chinese. */
  defaultReasoning: "off" | "adaptive";
  /** Whether responses are kept when `store` is omitted; the vendor does not. */
  storeDefault: boolean;
  /** Encrypts reasoning and compactions that callers carry. */
  cipher: TextCipher;
  /** Whether a stream ends with `data: [DONE]`: Open Responses wants it, the vendor's wire has none. Default true. */
  sseDone?: boolean;
}
