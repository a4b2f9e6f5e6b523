import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { defaultSettings } from '../settings/read-settings.ts'
import type { Settings } from '../settings/settings.ts'
import { coreSettingsOf } from './core-settings-of.ts'
import { StartError } from './start-error.ts'

const DAY_MS = 86_400_000

const core = (changed: Partial<Settings> = {}) => coreSettingsOf({ ...defaultSettings(), ...changed })

function problemOf(changed: Partial<Settings>): string {
  try {
    core(changed)
  } catch (error) {
    assert.ok(error instanceof StartError)
    return error.message
  }
  return assert.fail('accepted')
}

describe('settings of keys', () => {
  test('of a default installation say how native keys begin and how long things are kept', () => {
    const { keyspaces, restoreWindowMs, revokedKeptMs, usageKeptMs } = core()
    assert.deepEqual(keyspaces, { default: { prefix: 'lk', environment: 'live' } })
    assert.deepEqual([restoreWindowMs, revokedKeptMs, usageKeptMs], [30 * DAY_MS, 90 * DAY_MS, 400 * DAY_MS])
  })

  test('name any number of keyspaces', () => {
    const { keyspaces } = core({ 'keys.keyspaces': ['default=lk_live', 'iot=iot_prod'] })
    assert.deepEqual(keyspaces['iot'], { prefix: 'iot', environment: 'prod' })
  })

  test('say what is done with leaked keys, by keyspace', () => {
    const keyspaces = { 'keys.keyspaces': ['default=lk_live', 'demo=demo_test'] }
    assert.deepEqual(core().leakActions, { '*': 'revoke' })
    const { leakActions } = core({ ...keyspaces, 'leaks.actions': ['*=disable', 'demo=notify'] })
    assert.deepEqual(leakActions, { '*': 'disable', demo: 'notify' })
    for (const [given, problem] of [
      ['demo=nothing', /"demo=nothing" is not of the form name=notify\|disable\|revoke/],
      ['dmeo=notify', /There is no keyspace "dmeo"/],
      ['demo', /"demo" is not of the form/],
    ] as const) {
      assert.throws(() => core({ ...keyspaces, 'leaks.actions': [given] }), problem)
    }
    assert.throws(() => core({ 'leaks.actions': ['*=revoke', '*=notify'] }), /two actions for "\*"/)
  })

  test('that contradict each other, or name no keyspaces, are all told of before the start', () => {
    const message = problemOf({
      'keys.keyspaces': [
        'iot=iot_prod',
        'iot=other_prod',
        'lk_live',
        'x=y',
        'stripe=sk_live',
        'upper=LK_live',
      ],
      'keys.restoreWindow': 2 * DAY_MS,
      'keys.revokedKept': DAY_MS,
    })
    for (const problem of [
      /two keyspaces "iot"/,
      /"lk_live" is not a keyspace of the form name=prefix_environment/,
      /"x=y" is not a keyspace/,
      /keyspace "default"/,
      /Stripe/i,
      /"upper".*prefix/,
      /keys\.revokedKept: must be at least as long as keys\.restoreWindow/,
    ]) {
      assert.match(message, problem)
    }
  })
})
