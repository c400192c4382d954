/**
 * Rows that are kept long and seldom read, as a string of bytes each: of all that a heap can hold it takes the least, since it is one
 * piece that refers to nothing. How they are encoded is the host's business.
 */
export interface Packing {
  /** Null: it is not plain data. */
  pack(row: readonly unknown[]): string | null;
  /** A new row, equal to the one that was packed. */
  unpack(packed: string): readonly unknown[];
}
