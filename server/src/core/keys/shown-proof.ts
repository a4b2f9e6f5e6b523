import type { Context } from '../context.ts'
import type { FoundKey } from './api-key.ts'
import { checkDpopProof, type ProofOutcome } from './dpop-proof.ts'
import type { Fingerprint } from './fingerprint.ts'
import type { JudgeFacts } from './judge.ts'
import type { KeyCheck } from './verdict.ts'

/** A use of a key, and what was shown for it. */
export type ProvenUse = {
  readonly fingerprint: Fingerprint
  readonly check: KeyCheck
  /** It was judged once already. */
  readonly isSecondTry: boolean
}

/** Adds the check of the DPoP proof that was shown to the facts of a judgement, if the key is bound to a key pair. */
export function withDpop(
  { proofs }: Context,
  facts: JudgeFacts,
  { key }: FoundKey,
  { fingerprint, check, isSecondTry }: ProvenUse,
): JudgeFacts {
  const jkt = key.policy?.confirmation?.jkt
  const shown = check.shown?.dpop
  if (jkt === undefined || shown === undefined) return facts
  const { now } = facts
  let known: ProofOutcome | undefined
  const outcome = (): ProofOutcome => {
    const checked = checkDpopProof(shown, { jkt, fingerprint, now })
    // The first try remembered it.
    if (checked.problem !== undefined || isSecondTry) return checked
    const problem = proofs.problemWith({ jkt, proofId: checked.proofId }, now)
    return problem === undefined ? checked : { problem }
  }
  return {
    ...facts,
    dpop: () => {
      known ??= outcome()
      return known
    },
  }
}

/** Makes the proof of an admitted use one that was used; looking at a key uses none. */
export function rememberProof(
  { proofs }: Context,
  { now, dpop }: JudgeFacts,
  { key }: FoundKey,
  { check, isSecondTry }: ProvenUse,
): void {
  if (check.isNoUse === true || isSecondTry) return
  const jkt = key.policy?.confirmation?.jkt
  const outcome = dpop?.()
  if (jkt === undefined || outcome === undefined || outcome.problem !== undefined) return
  proofs.remember({ jkt, proofId: outcome.proofId }, now)
}
