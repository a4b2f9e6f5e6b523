import type { ProofOutcome } from './dpop-proof.ts'
import type { Confirmation } from './policy.ts'
import type { ShownProof } from './verdict.ts'

/** Finds out whether a DPoP proof is good, when it is first asked; a signature is checked once, if at all. */
export type DpopCheck = () => ProofOutcome

/** Whether what was shown beside a key proves that who showed it holds what the key is bound to. */
export function confirms(
  bound: Confirmation,
  shown: ShownProof | undefined,
  dpop: DpopCheck | undefined,
): boolean {
  if (!confirmsCertificate(bound, shown)) return false
  return bound.jkt === undefined || (dpop !== undefined && dpop().problem === undefined)
}

/** The same of the certificate alone. */
export function confirmsCertificate({ x5tS256 }: Confirmation, shown: ShownProof | undefined): boolean {
  return x5tS256 === undefined || x5tS256 === shown?.x5tS256
}
