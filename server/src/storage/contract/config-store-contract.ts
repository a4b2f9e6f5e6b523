import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { anEvent, auditSubjects, numbers } from './records.ts'
import type { WithStorage } from './with-storage.ts'

/** The promises of `ConfigStore`. */
export function describeConfigStore(withStorage: WithStorage): void {
  describe('config', () => {
    test(
      'what was written last is read, under its own name only',
      withStorage(async (storage) => {
        assert.equal(await storage.config.read('a'), undefined)
        const event = anEvent('mapping.update', 'config:a')
        await storage.config.update('a', () => ({ n: 1 }), event)
        await storage.config.update(
          'a',
          (before) => ({ n: { deep: [2, null] }, before: before ?? null }),
          event,
        )
        assert.deepEqual(await storage.config.read('a'), { n: { deep: [2, null] }, before: { n: 1 } })
        assert.equal(await storage.config.read('b'), undefined)
        assert.deepEqual(await auditSubjects(storage, 'mapping.update'), ['config:a', 'config:a'])
      }),
    )

    test(
      'of 64 that add to one value at once none is lost, but those that think better of it',
      withStorage(async (storage) => {
        const event = anEvent('mapping.update', 'config:a')
        const results = await Promise.allSettled(
          numbers(64).map((n) =>
            storage.config.update(
              'a',
              (value) => {
                if (n % 8 === 0) throw new Error('no')
                return { ...value, [n]: true }
              },
              event,
            ),
          ),
        )
        assert.equal(results.filter(({ status }) => status === 'rejected').length, 8)
        assert.equal(Object.keys((await storage.config.read('a')) ?? {}).length, 56)
        assert.equal((await auditSubjects(storage, 'mapping.update')).length, 56)
      }),
    )

    test(
      'of 64 that create one value at once all get the same one, and it stays',
      withStorage(async ({ config }) => {
        const answers = await Promise.all(numbers(64).map((n) => config.readOrCreate('secret', { n })))
        const stored = await config.read('secret')
        for (const answer of answers) assert.deepEqual(answer, stored)
        assert.deepEqual(await config.readOrCreate('secret', { n: 'later' }), stored)
      }),
    )
  })
}
