import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { GoodToken } from '../../core/access/caller.ts'
import { ANONYMOUS_ID } from '../../core/ids.ts'
import { fingerprintOf } from '../../core/keys/fingerprint.ts'
import { createTokenLinks } from './token-links.ts'

function session(
  name: string,
  expiresAt?: number,
  singleUse = false,
): Extract<GoodToken, { kind: 'session' }> {
  return {
    kind: 'session',
    session: {
      fingerprint: fingerprintOf(name),
      owner: ANONYMOUS_ID,
      ...(expiresAt !== undefined && { expiresAt }),
      singleUse,
      refreshed: false,
      createdAt: 0,
    },
  }
}

function openLinks() {
  let now = 0
  const told: string[] = []
  const links = createTokenLinks<string>({ now: () => now }, (client) => told.push(client))
  return {
    links,
    told,
    pass: (ms: number) => {
      now += ms
      links.sweep()
    },
  }
}

describe('links between connections and tokens', () => {
  it('tell every connection of a token when it expires, once', () => {
    const { links, told, pass } = openLinks()
    links.link('a', session('t', 10))
    links.link('b', session('t', 10))
    links.link('c', session('forever'))
    pass(9)
    assert.deepEqual(told, [])
    pass(1)
    pass(100)
    assert.deepEqual(told, ['a', 'b'])
  })

  it('tell when a token ends before its time', () => {
    const { links, told } = openLinks()
    links.link('a', session('forever'))
    links.ended(fingerprintOf('forever'))
    links.ended(fingerprintOf('forever'))
    assert.deepEqual(told, ['a'])
  })

  it('hold a connection to the token it showed last', () => {
    const { links, told } = openLinks()
    links.link('a', session('old'))
    links.linkSession('a', session('new').session)
    links.ended(fingerprintOf('old'))
    assert.deepEqual(told, [])
    links.ended(fingerprintOf('new'))
    assert.deepEqual(told, ['a'])
  })

  it('tell nobody who left, and nothing of single-use tokens', () => {
    const { links, told, pass } = openLinks()
    links.link('a', session('t', 10))
    links.unlink('a')
    links.unlink('never seen')
    links.link('b', session('once', 10, true))
    pass(10)
    assert.deepEqual(told, [])
  })
})
