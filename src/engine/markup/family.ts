import type { Family } from "../../model/card.ts";
import type { CallMarkup } from "./markup.ts";

/** How a model family writes thought and calls in plain text (spec sheet 8); for engines that only complete text. */
export interface FamilyMarkup {
  thinkTags: readonly string[];
  calls: CallMarkup;
}

export const familyMarkup: Readonly<Record<Family, FamilyMarkup>> = {
  m3: { thinkTags: ["mm:think"], calls: "m3" },
  m2: { thinkTags: ["think"], calls: "m2" },
  her: { thinkTags: [], calls: "none" },
};
