import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkSdkVersion } from './sdk-version.ts'

describe('the version of an SDK', () => {
  it('passes when it is new enough, unknown, or absent', () => {
    const passing = [
      'js@7.17.1-beta.1',
      'js@7',
      'php@4.0.0',
      'other@1.0.0',
      'js',
      '',
      'js@x',
      { toString: 1 },
      7,
      null,
    ]
    for (const sdkName of passing) checkSdkVersion({ sdkName })
    checkSdkVersion(undefined)
    checkSdkVersion({})
  })

  it('is compared as a number: `js@10` is newer than `js@7`', () => {
    checkSdkVersion({ sdkName: 'js@10.0.0' })
    checkSdkVersion({ sdkName: 'android@12' })
  })

  it('is refused when too old, and always of the first generation', () => {
    for (const volatile of [
      { sdkName: 'js@6.9.9' },
      { sdkName: 'go@2' },
      { sdkVersion: '5.0.0' },
      { sdkVersion: null },
    ]) {
      assert.throws(() => checkSdkVersion(volatile), {
        id: 'api.process.incompatible_sdk_version',
        status: 400,
      })
    }
  })
})
