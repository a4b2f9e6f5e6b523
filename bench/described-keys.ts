import { createHash } from 'node:crypto'
import type { KeyId, UserId } from '../server/src/core/ids.ts'
import type { ApiKey } from '../server/src/core/keys/api-key.ts'
import type { Fingerprint } from '../server/src/core/keys/fingerprint.ts'

const KINDS = [
  'sensor',
  'gateway',
  'callback',
  'dashboard',
  'deploy',
  'backup',
  'invoice',
  'export',
  'badge',
  'relay',
]
const STAGES = ['production', 'staging', 'test', 'demo']
const USES = ['', ' read only', ' night shift', ' of the old plant', ' rotated', ' do not revoke', ' API key']
const STARTS = [
  'Bel',
  'Nor',
  'Ober',
  'Saint',
  'Val',
  'Gra',
  'Mon',
  'Lin',
  'Kar',
  'Ros',
  'Tal',
  'Wes',
  'Eis',
  'Pra',
]
const MIDDLES = ['', 'ta', 'den', 'lin', 'ger', 'mar', 'ton', 'be', 'ro', 'vi', 'sel', 'na']
const ENDS = [
  'mont',
  'ville',
  'stad',
  'berg',
  'by',
  'field',
  'ford',
  'haven',
  'dorf',
  'port',
  'garde',
  'wick',
]

/** A word that the first of an owner's keys has, and one of 50,000 after it. */
export const RARE_WORD = 'zeppelin'

const RARE_EVERY = 50_000

const FIRST_CREATED_AT = Date.UTC(2024, 0, 1)
const APART_MS = 60_000

/** When the n-th key of an owner was made. */
export function createdAtOf(n: number): number {
  return FIRST_CREATED_AT + n * APART_MS
}

/**
 * The n-th key of an owner, always the same. Descriptions have four to nine words: a quarter of them has "production", a
 * fifth "sensor", one of 2,016 place names, and every fourth a serial number of its own.
 */
export function describedKey(owner: UserId, n: number): ApiKey {
  const createdAt = createdAtOf(n)
  const id = `${owner}-${n}`
  return {
    id: id as KeyId,
    owner,
    description: describe(n),
    fingerprint: fingerprintOfKey(owner, n),
    ...(n % 3 !== 0 && { ttlMs: 86_400_000 * (1 + (n % 30)), expiresAt: createdAt + 86_400_000 }),
    record: { createdBy: owner, createdAt },
  }
}

/** Fingerprint of the n-th key of an owner. */
export function fingerprintOfKey(owner: UserId, n: number): Fingerprint {
  return createHash('sha256').update(`${owner}-${n}`).digest('hex') as Fingerprint
}

function describe(n: number): string {
  const pick = picker(n)
  const kind = pick(9) === 0 ? 'sensor' : of(KINDS, pick)
  const stage = of(STAGES, pick)
  const place = of(STARTS, pick) + of(MIDDLES, pick) + of(ENDS, pick)
  const number = pick(4) === 0 ? `sn${(n * 7_919) % 10_000_019}` : `L${pick(40)}`
  const rare = n % RARE_EVERY === 0 ? ` ${RARE_WORD}` : ''
  return `${capital(kind)} ${stage} ${place} ${number}${of(USES, pick)}${rare}`
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1)
}

function of(words: readonly string[], pick: (below: number) => number): string {
  return words[pick(words.length)] ?? ''
}

/** Numbers that look random and are the same for the same key (the mixing steps of SplitMix32). */
function picker(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x9e3779b9) | 0
    let mixed = state ^ (state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) % below
  }
}
