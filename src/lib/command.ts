/** How commands are started here: a checkout runs TypeScript and has no `parley` in the path; `-s` leaves out npm's own lines. */
export const commandName: string = import.meta.url.endsWith(".ts") ? "npm run -s parley --" : "parley";
