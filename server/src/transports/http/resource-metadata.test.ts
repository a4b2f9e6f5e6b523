import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resourceMetadataUrl } from './resource-metadata.ts'

test('the metadata stands between the host and the path of a server', () => {
  const path = '/.well-known/oauth-protected-resource'
  assert.equal(resourceMetadataUrl('https://keys.test'), `https://keys.test${path}`)
  assert.equal(resourceMetadataUrl('http://[::1]:7512'), `http://[::1]:7512${path}`)
  assert.equal(resourceMetadataUrl('https://keys.test/lk'), `https://keys.test${path}/lk`)
  assert.equal(resourceMetadataUrl('https://keys.test:8443/a/b'), `https://keys.test:8443${path}/a/b`)
})
