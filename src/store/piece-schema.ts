/**
 * Migration 16: long texts in pieces, so that they are written and read a piece at a time; a version of what the texts of a stored
 * response hold; bytes of those that its end leaves as they are. The texts are landed.
 */
export const pieceStatements: readonly string[] = [
  `create table response_piece (
        text_id text not null,
        number integer not null,
        expires_at bigint not null,
        piece text not null,
        primary key (text_id, number)
      )`,
  "create index response_piece_expiry on response_piece (expires_at)",
  "alter table response add column output text not null default ''",
  "alter table response add column version integer not null default 0",
  "alter table response add column begun_bytes bigint not null default 0",
];
