import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { canonicalName, canonicalNames } from './certificate-name.ts'

describe('names in certificates', () => {
  test('are the same whatever blanks and capitals of types there are (testValidClientCert)', () => {
    const name = canonicalName('CN=localhost, OU=Test,  O=Hadoop, L=Test, ST=Test, C=US')
    assert.equal(name, 'CN=localhost,OU=Test,O=Hadoop,L=Test,ST=Test,C=US')
    assert.equal(canonicalName('cn = localhost,ou=Test,o=Hadoop,l=Test,st=Test,c=US '), name)
  })

  test('are others when a value, its capitals or the order is another', () => {
    const name = canonicalName('CN=ada,O=Example')
    for (const other of ['CN=bob,O=Example', 'CN=Ada,O=Example', 'O=Example,CN=ada', 'CN=ada']) {
      assert.notEqual(canonicalName(other), name)
    }
  })

  test('keep apart what is a value and what is the next part, in quotes and escaped', () => {
    assert.equal(canonicalName('CN=ada,O="Example, Inc."'), canonicalName('CN=ada,O=Example\\, Inc.'))
    assert.notEqual(canonicalName('CN=x\\,CN=ada'), canonicalName('CN=x,CN=ada'))
    assert.notEqual(canonicalName('CN="x,CN=ada"'), canonicalName('CN=x,CN=ada'))
    assert.notEqual(canonicalName('CN=x+UID=1'), canonicalName('CN=x\\+UID=1'))
  })

  test('are none without type, with a quote that stays open, or with an escape of nothing', () => {
    for (const text of ['', 'ada', '=ada', 'CN=ada,', 'CN="ada', 'CN=ada\\', 'CN=ada,,O=x']) {
      assert.equal(canonicalName(text), undefined, text)
    }
  })

  test('are listed with semicolons between them', () => {
    assert.deepEqual(canonicalNames('CN=ada, O=A; CN=bob,O="B;C" ;'), ['CN=ada,O=A', 'CN=bob,O=B\\;C'])
    assert.deepEqual(canonicalNames('CN=x\\;CN=ada'), ['CN=x\\;CN=ada'])
    assert.deepEqual(canonicalNames(''), [])
  })
})
