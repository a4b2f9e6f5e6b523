import type { UserId } from '../ids.ts'

/** What a user proves its identity with. `local` is the only strategy. */
export type Credentials = {
  readonly strategy: 'local'
  readonly owner: UserId
  readonly username: string
  /** PHC string with its parameters, or an imported format; never leaves the server. */
  readonly passwordHash: string
}
