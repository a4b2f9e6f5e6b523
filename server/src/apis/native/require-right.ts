import type { Caller } from '../../core/access/caller.ts'
import type { Right } from '../../core/access/rights.ts'
import type { KeyAuthority } from '../../core/key-authority.ts'
import { Problem } from './problem.ts'

/** Passes when the caller has the right. @throws {Problem} `right.missing` */
export async function requireRight(authority: KeyAuthority, caller: Caller, right: Right): Promise<void> {
  if (await authority.tokens.isAllowed(caller, right)) return
  const { controller, action } = right
  throw new Problem('right.missing', `Cannot do this: the right "${controller}:${action}" is missing`)
}
