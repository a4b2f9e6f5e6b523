import type { Instant } from '../record.ts'
import { PROOF_AGE_MS_MAX } from './dpop-proof.ts'

/** Remembers which DPoP proofs were used, for as long as they would be good once more. */
export interface ProofMemory {
  /** What is wrong with using this proof of that key pair; undefined: nothing. */
  problemWith(proof: UsedProof, now: Instant): string | undefined
  /** Only for one that there is no problem with at this moment. */
  remember(proof: UsedProof, now: Instant): void
}

/** A proof by the thumbprint of the key pair that signed it, and its name. */
export type UsedProof = { readonly jkt: string; readonly proofId: string }

/** Most proofs that are remembered; while there are so many, further ones are refused. */
export const PROOFS_REMEMBERED_MAX = 1_000_000
/** The same of one key pair, so that the holder of one cannot shut out the others. */
export const PROOFS_OF_KEY_PAIR_MAX = 100_000

/** A proof of the future stays good until it is too old: so long after it was shown. */
const GOOD_FOR_MS_MAX = 2 * PROOF_AGE_MS_MAX

/** Proofs that were shown at about the same time, by key pair. */
type Generation = { readonly names: Map<string, Set<string>>; count: number }

/**
 * Creates a memory of this process. It keeps two generations, each as long as a proof may stay good, and forgets the older one
 * as a whole: every proof is remembered long enough, and nothing has to be searched for what is over.
 */
export function createProofMemory(bounds: Partial<ProofBounds> = {}): ProofMemory {
  const { proofsMax = PROOFS_REMEMBERED_MAX, ofKeyPairMax = PROOFS_OF_KEY_PAIR_MAX } = bounds
  let current = newGeneration()
  let previous = newGeneration()
  let turnsAt: Instant = Number.NEGATIVE_INFINITY

  const turn = (now: Instant): void => {
    if (now < turnsAt) return
    previous = now < turnsAt + GOOD_FOR_MS_MAX ? current : newGeneration()
    current = newGeneration()
    turnsAt = now + GOOD_FOR_MS_MAX
  }

  return {
    problemWith({ jkt, proofId }, now) {
      turn(now)
      const [recent, older] = [current.names.get(jkt), previous.names.get(jkt)]
      if (recent?.has(proofId) || older?.has(proofId)) return 'it was used before'
      const isFull = current.count + previous.count >= proofsMax
      const ofKeyPair = (recent?.size ?? 0) + (older?.size ?? 0)
      return isFull || ofKeyPair >= ofKeyPairMax ? 'too many others were used within two minutes' : undefined
    },
    remember({ jkt, proofId }, now) {
      turn(now)
      const names = current.names.get(jkt) ?? new Set()
      current.names.set(jkt, names.add(proofId))
      current.count += 1
    },
  }
}

/** Absent: `PROOFS_REMEMBERED_MAX`, `PROOFS_OF_KEY_PAIR_MAX`. */
export type ProofBounds = { readonly proofsMax: number; readonly ofKeyPairMax: number }

function newGeneration(): Generation {
  return { names: new Map(), count: 0 }
}
