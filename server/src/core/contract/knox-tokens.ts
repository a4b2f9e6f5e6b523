import assert from 'node:assert/strict'
import type { KeyId, UserId } from '../ids.ts'
import type { Issued, LegacyToken, Manager, TokenRequest } from '../key-authority.ts'
import type { ApiKey } from '../keys/api-key.ts'
import { printKnoxToken } from '../keys/knox-token.ts'
import { printLegacyMac } from '../keys/legacy-mac.ts'
import { TEST_ORIGIN, type TestAuthority } from './test-authority.ts'

/** Somebody whom only Knox's topologies know. */
export const GUEST = 'guest' as UserId

/** Issues a token for `GUEST`, which it asked for itself. */
export function issueKnoxToken(
  { managedTokens }: TestAuthority,
  changed: Partial<TokenRequest> = {},
): Promise<Issued<ApiKey>> {
  const request = {
    owner: GUEST,
    createdBy: changed.owner ?? GUEST,
    shown: undefined,
    type: 'API_KEY',
    comment: 'c',
  } as const
  return managedTokens.issue({ ...request, ...changed }, TEST_ORIGIN)
}

/** The hash key of the gateway that the tokens of the tests come from. */
export const HASH_KEY = 'sPj8FCgQhCEi6G18kBfpswxYSki33plbelGLs0hMSbk'

/** A token as a gateway has it, and its text, which is the holder's. */
export function aLegacyToken(
  n: number,
  changed: Partial<LegacyToken> = {},
): { readonly legacy: LegacyToken; readonly token: string; readonly passcode: string } {
  const id = uuid(n, 'a')
  const passcode = uuid(n, 'b')
  const owner = changed.owner ?? GUEST
  const issuedAt = changed.issuedAt ?? 1_600_000_000_000 + n
  const mac = printLegacyMac(
    { id, passcode },
    { algorithm: 'HmacSHA256', issueTime: issuedAt, userName: owner },
    HASH_KEY,
  )
  const legacy: LegacyToken = {
    id: id as KeyId,
    owner,
    type: 'API_KEY',
    comment: `token ${n}`,
    isEnabled: true,
    issuedAt,
    mac,
    ...changed,
  }
  return { legacy, token: printKnoxToken({ id, passcode }), passcode }
}

function uuid(n: number, last: string): string {
  assert.ok(n >= 0 && n < 0xffff_ffff)
  return `${n.toString(16).padStart(8, '0')}-0000-4000-8000-00000000000${last}`
}

/** Somebody who manages tokens, and shows no key unless one is named. */
export function aManager(by: UserId = GUEST, shown?: ApiKey): Manager {
  return { by, shown, origin: TEST_ORIGIN }
}
