import assert from 'node:assert/strict'
import { test } from 'node:test'
import { distinguishedName } from './distinguished-name.ts'

test('the name in a certificate begins with its most particular part, as RFC 4514 writes it', () => {
  const subject = 'C=FR\nO=Example\\, Inc.\nOU=people\nCN=ada'
  assert.equal(distinguishedName({ subject }), 'CN=ada,OU=people,O=Example\\, Inc.,C=FR')
  assert.equal(distinguishedName({ subject: '' }), '')
})
