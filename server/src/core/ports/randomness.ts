/** Where unpredictable bytes come from. */
export interface Randomness {
  /** `count` fresh bytes from a cryptographic source. */
  bytes(count: number): Uint8Array
  /** A random (version 4) UUID. */
  uuid(): string
}
