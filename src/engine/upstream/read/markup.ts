import type { Family } from "../../../model/card.ts";
import type { CallMarkup, ThinkMarkup } from "../../markup/markup.ts";
import { promptFamilies } from "../../template/family.ts";

/** Which markup a model's own text may carry. */
export interface ModelMarkup {
  think: ThinkMarkup;
  calls: CallMarkup;
}

/** No markup: tags in the text are text. */
export const plainText: ModelMarkup = { think: { tags: [], startsInside: false }, calls: "none" };

const families: Readonly<Record<Family, ModelMarkup>> = {
  m3: { think: { tags: promptFamilies.m3.thinkTags, startsInside: false }, calls: promptFamilies.m3.calls },
  m2: { think: { tags: promptFamilies.m2.thinkTags, startsInside: false }, calls: promptFamilies.m2.calls },
  her: plainText,
};

/** The markup of a family; models of other makers are not read for tags unless configuration says so. */
export function markupOf(family: Family | undefined): ModelMarkup {
  return family === undefined ? plainText : families[family];
}
