import { randomFillSync, randomUUID } from 'node:crypto'
import type { Randomness } from '../core/ports/randomness.ts'

/** Bytes drawn from the system at once, because each draw costs as much as thousands of bytes do. */
const BLOCK_BYTES = 4_096

/** Node's cryptographic source. What was given out is overwritten here, so that it exists only where it is used. */
export function createNodeRandomness(): Randomness {
  const block = new Uint8Array(BLOCK_BYTES)
  let used = BLOCK_BYTES
  return {
    bytes: (count) => {
      if (count > BLOCK_BYTES) return randomFillSync(new Uint8Array(count))
      if (used + count > BLOCK_BYTES) {
        randomFillSync(block)
        used = 0
      }
      const taken = block.slice(used, used + count)
      block.fill(0, used, used + count)
      used += count
      return taken
    },
    uuid: () => randomUUID(),
  }
}
