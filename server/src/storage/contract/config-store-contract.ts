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
        await storage.config.write('a', { n: 1 }, event)
        await storage.config.write('a', { n: { deep: [2, null] } }, event)
        assert.deepEqual(await storage.config.read('a'), { n: { deep: [2, null] } })
        assert.equal(await storage.config.read('b'), undefined)
        assert.deepEqual(await auditSubjects(storage, 'mapping.update'), ['config:a', 'config:a'])
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
