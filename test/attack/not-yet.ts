/** Attacks that still break a bound, with the reason: `npm test` leaves them out, `npm run attack` does not. */
const parsing = "not run again since the JSON of a request is read in slices";

export const notYet: Readonly<Record<string, string>> = {
  "200 unfinished bodies of 2 MB":
    "heap and buffers are back at once, but the C library keeps the memory of many small pieces resident",
  "body on sim: 4 MB of {} in an ignored field": parsing,
  "body on sim: 4 MB of thinking blocks": parsing,
  "body on sim: 2 MB of {} from 8 callers at once": parsing,
};
