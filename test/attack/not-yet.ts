/** Attacks that still break a bound, with the reason: `npm test` leaves them out, `npm run attack` does not. */
export const notYet: Readonly<Record<string, string>> = {
  "200 unfinished bodies of 2 MB":
    "heap and buffers are back at once, but the resident size stays near its peak; why is not known",
};
