import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createEndedTokens } from '../../../core/keys/ended-tokens.ts'
import { fingerprintOf } from '../../../core/keys/fingerprint.ts'
import { createRunningStreams } from './running-streams.ts'

const GOOD = fingerprintOf('good')
const ENDED = fingerprintOf('ended')

it('a stream is cut also when its key ended after it was found good, and before the stream began', async () => {
  const ended = createEndedTokens()
  const rechecks: Promise<void>[] = []
  const running = createRunningStreams(
    (listener, watched) => ended.onEnded(listener, watched),
    (fingerprint) => {
      const recheck = async (): Promise<void> => {
        await Promise.resolve()
        if (fingerprint === ENDED && ended.isWatched(fingerprint)) ended.announce([fingerprint])
      }
      rechecks.push(recheck())
    },
  )
  const cut: string[] = []
  running.add(GOOD, () => cut.push('good'))
  running.add(ENDED, () => cut.push('ended'))
  assert.deepEqual(cut, [])
  await Promise.all(rechecks)
  assert.deepEqual(cut, ['ended'])
})
