/** How the keys of a store lie. */
export type KeyLayout = {
  /** 1: all are in one table. */
  readonly partitions: number
  readonly keys: number
}

/** Partitions that a store may have. More than a few hundred make every plan slower that does not know its partition. */
export const PARTITIONS_MAX = 1_024
