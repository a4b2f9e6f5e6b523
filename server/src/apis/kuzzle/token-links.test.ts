import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { GoodToken } from '../../core/access/caller.ts'
import { ANONYMOUS_ID, type KeyId } from '../../core/ids.ts'
import type { ApiKey } from '../../core/keys/api-key.ts'
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

  it('follow a token whose end was moved, before it and after it showed again', () => {
    const { links, told, pass } = openLinks()
    links.link('a', session('t', 100))
    links.lifeChanged(fingerprintOf('t'), 10)
    links.lifeChanged(fingerprintOf('not linked'), 1)
    pass(10)
    assert.deepEqual(told, ['a'])
    links.link('b', session('u', 20))
    links.lifeChanged(fingerprintOf('u'), undefined)
    pass(50)
    assert.deepEqual(told, ['a'])
    links.link('b', session('u', 70))
    pass(10)
    assert.deepEqual(told, ['a', 'b'])
  })

  it('tell of a secret that a rotation replaced when its grace is over, though its key lives on', () => {
    const { links, told, pass } = openLinks()
    const shown = { fingerprint: fingerprintOf('old'), goodUntil: 10 }
    const key: ApiKey = {
      id: 'k' as KeyId,
      owner: ANONYMOUS_ID,
      description: '',
      fingerprint: fingerprintOf('new'),
      expiresAt: 100,
      record: { createdBy: ANONYMOUS_ID, createdAt: 0 },
    }
    links.link('a', { kind: 'key', key, shown })
    links.link('b', { kind: 'key', key })
    pass(10)
    assert.deepEqual(told, ['a'])
    pass(90)
    assert.deepEqual(told, ['a', 'b'])
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
