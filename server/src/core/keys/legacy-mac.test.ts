import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import { isLegacyAlgorithm, type LegacyMac, matchesLegacyMac, printLegacyMac } from './legacy-mac.ts'

const HASH_KEY = 'sPj8FCgQhCEi6G18kBfpswxYSki33plbelGLs0hMSbk'
const TOKEN = { id: '4e0c548b-6568-4061-a3dc-62908087650a', passcode: '0138aaed-ca2a-47f1-8ed8-e0c397596f95' }
const MAC: LegacyMac = {
  algorithm: 'HmacSHA256',
  stored: 'ee+/ve+/vRPvv70k77+9fXtA77+977+9LO+/ve+/ve+/ve+/ve+/ve+/vSnvv71+bXXvv71p77+977+9fTswSw==',
  issueTime: 1_700_000_000_000,
  userName: 'guest',
}

describe('the MAC by which Knox kept a token', () => {
  it('is the one measured at Knox', () => {
    assert.equal(printLegacyMac(TOKEN, MAC, HASH_KEY), MAC.stored)
    assert.equal(matchesLegacyMac(TOKEN, MAC, HASH_KEY), true)
  })

  it('is of this token, user, time and key alone', () => {
    const others: [typeof TOKEN, LegacyMac, string][] = [
      [{ ...TOKEN, id: '4e0c548b-6568-4061-a3dc-62908087650b' }, MAC, HASH_KEY],
      [{ ...TOKEN, passcode: '0138aaed-ca2a-47f1-8ed8-e0c397596f96' }, MAC, HASH_KEY],
      [TOKEN, { ...MAC, issueTime: MAC.issueTime + 1 }, HASH_KEY],
      [TOKEN, { ...MAC, userName: 'admin' }, HASH_KEY],
      [TOKEN, { ...MAC, algorithm: 'HmacSHA512' }, HASH_KEY],
      [TOKEN, MAC, `${HASH_KEY}=`],
      [TOKEN, { ...MAC, stored: '' }, HASH_KEY],
    ]
    for (const [token, mac, key] of others) assert.equal(matchesLegacyMac(token, mac, key), false)
  })

  it('knows the MACs that Java offers for it', () => {
    for (const name of ['HmacSHA256', 'HmacSHA512', 'hmacsha384']) assert.equal(isLegacyAlgorithm(name), true)
    for (const name of ['HmacMD5', '', 'toString']) assert.equal(isLegacyAlgorithm(name), false)
  })

  it('has one replacement character for the bytes of a surrogate, as Java, not three', () => {
    // Of these tokens the MAC holds such bytes: a few in a thousand do.
    const odd = Array.from({ length: 10_000 }, (_, n) => ({ ...TOKEN, passcode: `${n}` })).filter((token) =>
      /\u00ed[\u00a0-\u00bf][\u0080-\u00bf]/.test(macText(token)),
    )
    assert.ok(odd.length > 5)
    for (const token of odd) {
      const stored = Buffer.from(printLegacyMac(token, MAC, HASH_KEY), 'base64').toString()
      const plain = Buffer.from(macText(token), 'latin1').toString('utf8')
      assert.ok(stored.length === plain.length - 2 || stored.length === plain.length - 4)
    }
  })
})

/** The bytes of the MAC, as text of one character each. */
function macText(token: { readonly id: string; readonly passcode: string }): string {
  return createHmac('sha256', HASH_KEY)
    .update(`${token.id}${MAC.issueTime}${MAC.userName}${token.passcode}`)
    .digest()
    .toString('latin1')
}
