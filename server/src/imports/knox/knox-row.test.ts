import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type KnoxRow, readKnoxRow } from './knox-row.ts'

const ID = '4e0c548b-6568-4061-a3dc-62908087650a'
const NOW = 1_700_000_000_000
const RULES = { now: NOW, includeExpired: false }

function aRow(metadata: Record<string, string> = {}, changed: Partial<KnoxRow> = {}): KnoxRow {
  const all = { userName: 'guest', passcode: 'bWFj', enabled: 'true', type: 'API_KEY', ...metadata }
  return {
    id: ID,
    issueTime: '1600000000000',
    expiration: '-1',
    maxLifetime: '1600604800000',
    metadata: new Map(Object.entries(all)),
    ...changed,
  }
}

describe('a row of Knox', () => {
  test('is the token that it says, with metadata of its own', () => {
    const metadata = {
      comment: 'hello',
      createdBy: 'admin',
      thirdPartyApp: 'false',
      type: 'CLIENT_ID',
      lastUsedAt: '2023-01-01T00:00:00Z',
      team: 'a',
      __proto: 'b',
    }
    const row = aRow(metadata, { expiration: String(NOW + 1), maxLifetime: '-1' })
    assert.deepEqual(readKnoxRow(row, RULES), {
      id: ID,
      owner: 'guest',
      createdBy: 'admin',
      type: 'CLIENT_ID',
      comment: 'hello',
      isEnabled: true,
      thirdPartyApp: false,
      metadata: { team: 'a', __proto: 'b' },
      issuedAt: 1_600_000_000_000,
      expiresAt: NOW + 1,
      mac: 'bWFj',
    })
  })

  test('needs only owner, secret and time', () => {
    const metadata = new Map([
      ['userName', 'guest'],
      ['passcode', 'bWFj'],
    ])
    assert.deepEqual(readKnoxRow(aRow({}, { metadata, expiration: null, maxLifetime: null }), RULES), {
      id: ID,
      owner: 'guest',
      type: 'JWT',
      comment: '',
      isEnabled: true,
      issuedAt: 1_600_000_000_000,
      mac: 'bWFj',
    })
  })

  test('is enabled or of a third party as Java reads the word', () => {
    const read = (word: string) => {
      const token = readKnoxRow(aRow({ enabled: word, thirdPartyApp: word }), RULES)
      assert.ok(typeof token !== 'string')
      return [token.isEnabled, token.thirdPartyApp]
    }
    assert.deepEqual(read('TRUE'), [true, true])
    for (const word of ['false', 'yes', ' true']) assert.deepEqual(read(word), [false, false])
  })

  test('expires strictly at its time, and never when that is zero, less, or beyond every clock', () => {
    const expiration = (text: string, includeExpired = false) => {
      const token = readKnoxRow(aRow({}, { expiration: text }), { now: NOW, includeExpired })
      return typeof token === 'string' ? token : token.expiresAt
    }
    assert.equal(expiration(String(NOW)), 'expired')
    assert.equal(expiration(String(NOW), true), NOW)
    assert.equal(expiration(String(NOW + 1)), NOW + 1)
    for (const wrong of ['', 'soon', '1.5e12', '0x10']) assert.equal(expiration(wrong), 'unusable')
    for (const never of ['0', '-1', '-9', '9223372036854775807']) assert.equal(expiration(never), undefined)
  })

  test('is left out when it is no token of somebody', () => {
    const why = (metadata: Record<string, string>, changed: Partial<KnoxRow> = {}) =>
      readKnoxRow(aRow(metadata, changed), RULES)
    assert.equal(why({ type: 'KNOXSSO_COOKIE', userName: '' }), 'cookie')
    assert.equal(why({ userName: '' }), 'incomplete')
    assert.equal(why({ passcode: '' }), 'incomplete')
    assert.equal(why({}, { issueTime: null }), 'incomplete')
    assert.equal(why({}, { issueTime: '9223372036854775807' }), 'unusable')
    assert.equal(why({ type: 'OTHER' }), 'unusable')
    for (const id of ['', 'x', ID.toUpperCase(), `${ID}\n`]) assert.equal(why({}, { id }), 'unusable')
    assert.equal(why({ userName: '_search' }), 'unusable')
    assert.equal(why({ createdBy: 'x\u0000' }), 'unusable')
  })
})
