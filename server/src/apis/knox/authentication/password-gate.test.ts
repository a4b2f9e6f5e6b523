import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KnoxRefusal } from '../knox-request.ts'
import { requestFor } from '../testing/request-for.ts'
import { createPasswordGate, KNOWN_MS } from './password-gate.ts'

/** A gate that admits so many attempts, before checks of a password that can be changed. */
function open({ admitted }: { readonly admitted: number }) {
  const world = { now: 1_000, password: 'right', checks: 0, admitted, attempts: [] as object[] }
  const guard = createPasswordGate({
    now: () => world.now,
    admit: (attempt) => {
      world.attempts.push(attempt)
      world.admitted -= 1
      return world.admitted < 0 ? 1_200 : 0
    },
  })
  const check = guard((_request, username, password) => {
    world.checks += 1
    return Promise.resolve(password === world.password ? { name: username, groups: [] } : undefined)
  })
  const ask = async (password: string, username = 'guest'): Promise<string | number> => {
    try {
      const caller = await check(
        requestFor('POST', '/x', { address: '2001:db8::1:2:3:4' }),
        username,
        password,
      )
      return caller?.name ?? 'wrong'
    } catch (error) {
      assert.ok(error instanceof KnoxRefusal)
      assert.equal(error.headers['Retry-After'], '2')
      return error.status
    }
  }
  return { world, ask }
}

describe('the gate before passwords', () => {
  it('counts attempts by name and network, and refuses those that come too soon without a check', async () => {
    const { world, ask } = open({ admitted: 2 })
    assert.deepEqual([await ask('a'), await ask('b'), await ask('right')], ['wrong', 'wrong', 429])
    assert.equal(world.checks, 2)
    assert.deepEqual(world.attempts[0], { username: 'guest', address: '2001:db8:0:0' })
  })

  it('counts the right password once, and checks it every time', async () => {
    const { world, ask } = open({ admitted: 1 })
    for (let count = 0; count < 20; count++) assert.equal(await ask('right'), 'guest')
    assert.deepEqual([world.checks, world.attempts.length], [20, 1])
    assert.equal(await ask('guess'), 429)
    world.password = 'other'
    assert.equal(await ask('right'), 'wrong')
    // Of this name only.
    assert.equal(await ask('right', 'sam'), 429)
  })

  it('counts it again after a while', async () => {
    const { world, ask } = open({ admitted: 1 })
    assert.equal(await ask('right'), 'guest')
    world.now += KNOWN_MS - 1
    assert.equal(await ask('right'), 'guest')
    world.now += KNOWN_MS
    assert.equal(await ask('right'), 429)
  })

  it('lets those that come at the same time wait for the first of them', async () => {
    const { ask, world } = open({ admitted: 1 })
    const right = await Promise.all(Array.from({ length: 50 }, () => ask('right')))
    assert.deepEqual([...new Set(right)], ['guest'])
    assert.equal(world.attempts.length, 1)
    const guesses = open({ admitted: 3 })
    const wrong = await Promise.all(Array.from({ length: 50 }, () => guesses.ask('guess')))
    assert.equal(guesses.world.checks, 3)
    assert.equal(wrong.filter((outcome) => outcome === 429).length, 47)
  })
})
