/** Turns passwords into hashes that are slow to guess, off the event loop. */
export interface PasswordHasher {
  /** @throws {DomainError} `server.overloaded` when too many are already waiting. */
  hash(password: string): Promise<string>
  /**
   * Whether the password is the one that was hashed. Without a hash it does the same work and answers false,
   * so that unknown users cost as much as known ones.
   */
  verify(password: string, hash: string | undefined): Promise<boolean>
  /** True when a stored hash is of an older kind and should be replaced at the next login. */
  isOutdated(hash: string): boolean
}
