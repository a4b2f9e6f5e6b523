import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  isKnoxToken,
  KNOX_TOKEN_LENGTH,
  parseKnoxToken,
  printKnoxToken,
  tokenDisplayId,
} from './knox-token.ts'

/** An example of Knox's own tests. */
const EXAMPLE = {
  id: '4e0c548b-6568-4061-a3dc-62908087650a',
  passcode: '0138aaed-ca2a-47f1-8ed8-e0c397596f95',
  token:
    'TkdVd1l6VTBPR0l0TmpVMk9DMDBNRFl4TFdFelpHTXROakk1TURnd09EYzJOVEJoOjpNREV6T0dGaFpXUXRZMkV5WVMwME4yWXhMVGhsWkRndFpUQmpNemszTlRrMlpqazE=',
}

describe('a token of Knox', () => {
  it('is printed as Knox prints it', () => {
    assert.equal(printKnoxToken(EXAMPLE), EXAMPLE.token)
    assert.equal(EXAMPLE.token.length, KNOX_TOKEN_LENGTH)
  })

  it('is read back', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (id, passcode) => {
        assert.deepEqual(parseKnoxToken(printKnoxToken({ id, passcode })), { id, passcode })
      }),
    )
  })

  it('has one spelling', () => {
    const { token } = EXAMPLE
    for (const other of [
      '',
      token.slice(0, -1),
      `${token}=`,
      ` ${token}`,
      `${token}\n`,
      encodeURIComponent(token),
      token.toLowerCase(),
      token.replace('T', '-'),
      printKnoxToken({ ...EXAMPLE, id: EXAMPLE.id.toUpperCase() }),
      Buffer.from(`${Buffer.from(EXAMPLE.id).toString('base64')}::`).toString('base64'),
      Buffer.from('x'.repeat(98)).toString('base64'),
    ]) {
      assert.equal(parseKnoxToken(other), undefined, other)
    }
  })

  it('accepts no other text that decodes to the same', () => {
    fc.assert(
      fc.property(
        fc.uuid(),
        fc.uuid(),
        fc.nat(131),
        fc.string({ minLength: 1, maxLength: 1 }),
        (id, passcode, at, other) => {
          const token = printKnoxToken({ id, passcode })
          const changed = token.slice(0, at) + other + token.slice(at + 1)
          const read = parseKnoxToken(changed)
          assert.ok(changed === token || read === undefined || printKnoxToken(read) === changed)
        },
      ),
    )
  })

  it('is known by its looks exactly when it can be read', () => {
    const digit = fc.constantFrom(
      ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_ \u0141\u2603',
    )
    fc.assert(
      fc.property(
        fc.uuid(),
        fc.uuid(),
        fc.array(fc.tuple(fc.nat(131), digit), { maxLength: 2 }),
        (id, passcode, changes) => {
          const characters = [...printKnoxToken({ id, passcode })]
          for (const [at, other] of changes) characters[at] = other
          const text = characters.join('')
          assert.equal(isKnoxToken(text), parseKnoxToken(text) !== undefined, text)
        },
      ),
      { numRuns: 2_000 },
    )
    // What is wrong inside of it.
    for (const [id, passcode] of [
      [EXAMPLE.id.toUpperCase(), EXAMPLE.passcode],
      [EXAMPLE.id, EXAMPLE.passcode.replace('-', '0')],
      [EXAMPLE.id.replace('a', 'g'), EXAMPLE.passcode],
      ['4e0c548b-6568-4061-a3dc-62908087650\n', EXAMPLE.passcode],
    ]) {
      assert.equal(isKnoxToken(printKnoxToken({ id: id ?? '', passcode: passcode ?? '' })), false)
    }
    assert.equal(isKnoxToken(EXAMPLE.token), true)
    assert.equal(isKnoxToken(EXAMPLE.token.slice(0, -1)), false)
  })

  it('shows the ends of its id, and of other texts nothing', () => {
    assert.equal(tokenDisplayId('9c2d22fb-e28d-4495-aaae-d4103dada8d1'), '9c2d22fb...d4103dada8d1')
    for (const other of ['', 'x', '1-1-1-1-1', 'x'.repeat(36)]) assert.equal(tokenDisplayId(other), 'null')
  })
})
