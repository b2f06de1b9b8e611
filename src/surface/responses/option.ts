import type { IdSource } from "../../model/id.ts";
import type { TextCipher } from "../../lib/cipher.ts";

export interface ResponsesOptions {
  ids: IdSource;
  /** What M3 does when `reasoning` is omitted: seed 004 says off, the older seed 000 says adaptive. */
  defaultReasoning: "off" | "adaptive";
  /** Whether responses are kept when `store` is omitted; the vendor does not. */
  storeDefault: boolean;
  /** Encrypts reasoning and compactions that callers carry. */
  cipher: TextCipher;
  /** Whether a stream ends with `data: [DONE]`: Open Responses wants it, the vendor's wire has none. Default true. */
  sseDone?: boolean;
}
