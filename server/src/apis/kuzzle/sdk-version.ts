import type { JsonObject } from '../../core/json.ts'
import { fail } from './kuzzle-errors.ts'

/** Oldest major version of each SDK that speaks this protocol. */
const OLDEST_MAJOR: ReadonlyMap<string, number> = new Map([
  ['js', 7],
  ['csharp', 2],
  ['cpp', 2],
  ['java', 3],
  ['android', 5],
  ['go', 3],
  ['php', 4],
])

/**
 * Passes unless `volatile` tells of an SDK that is too old. Kuzzle compares one digit, and would refuse a `js@10`.
 *
 * @throws {KuzzleError} `api.process.incompatible_sdk_version`
 */
export function checkSdkVersion(volatile: JsonObject | undefined): void {
  if (volatile === undefined) return
  if (volatile['sdkVersion'] !== undefined) {
    fail('api.process.incompatible_sdk_version', volatile['sdkVersion'], 'a Kuzzle v2 SDK')
  }
  const sdk = volatile['sdkName']
  if (typeof sdk !== 'string') return
  const [, name = '', major = ''] = SDK_NAME.exec(sdk) ?? []
  const oldest = OLDEST_MAJOR.get(name)
  if (oldest !== undefined && Number(major) < oldest) {
    fail('api.process.incompatible_sdk_version', sdk, `${name}@${oldest}`)
  }
}

const SDK_NAME = /^([a-z]{1,16})@(\d{1,9})(?:\D|$)/
