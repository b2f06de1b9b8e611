/** Memory that a text takes, in bytes: two a UTF-16 unit, one where all of it is ASCII. */
export function textBytes(text: string): number {
  // a text of Latin-1 takes one byte a unit too; it is counted with two, because only ASCII is recognized this fast
  return Buffer.byteLength(text) === text.length ? text.length : 2 * text.length;
}
