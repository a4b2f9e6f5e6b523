/**
 * CRC-32 as in IEEE 802.3, zlib and PNG (reflected, polynomial 0x04C11DB7), of ASCII text: one character at a time, so
 * that nothing is allocated. Start with `CRC32_START`, put every character in, and take `finishCrc32` of the result.
 *
 * What it guarantees, for texts of any length that we have: every change within four neighbouring characters is found,
 * so every wrong character and every two neighbours in the wrong order; of all other changes, one in 2^32 is missed.
 */
export function updateCrc32(crc: number, charCode: number): number {
  return (crc >>> 8) ^ (TABLE[(crc ^ charCode) & 0xff] ?? 0)
}

export const CRC32_START = -1

/** The checksum, 0 to 2^32 - 1. */
export function finishCrc32(crc: number): number {
  return ~crc >>> 0
}

const REFLECTED_POLYNOMIAL = 0xedb88320

const TABLE: Int32Array = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ REFLECTED_POLYNOMIAL : crc >>> 1
  return crc
})
