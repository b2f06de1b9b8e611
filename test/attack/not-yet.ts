/** Attacks that still break a bound, with the reason: `npm test` leaves them out, `npm run attack` does not. */
export const notYet: Readonly<Record<string, string>> = {};
