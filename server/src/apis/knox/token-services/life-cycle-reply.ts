import type { HttpReply } from '../../../transports/http/http-message.ts'

/** Numbers of errors in answers of the life cycle. */
export const ERROR_CODES = {
  unknown: 0,
  configuration: 10,
  unauthorized: 20,
  internal: 30,
  invalidToken: 40,
  unknownToken: 50,
  alreadyDisabled: 60,
  alreadyEnabled: 70,
  expired: 90,
} as const

/** What a change of the life cycle came to. */
export type Change = { readonly status: number; readonly members: readonly Member[] }
type Member = readonly [name: string, value: string | number]

/** The flag with which an answer begins, by what was asked. */
export type ChangeFlag = 'renewed' | 'revoked' | 'setEnabledFlag'

/** It was done. */
export function done(flag: ChangeFlag, more: readonly Member[] = []): Change {
  return { status: 200, members: [[flag, 'true'], ...more] }
}

/** It was refused, and nothing changed. */
export function refused(flag: ChangeFlag, status: number, error: string, code: number): Change {
  return {
    status,
    members: [
      [flag, 'false'],
      ['error', error],
      ['code', code],
    ],
  }
}

/** The answer in Knox's form: two blanks before each member, and a line end behind the last. */
export function changeReply({ status, members }: Change): HttpReply {
  return jsonReply(status, printMembers(members))
}

/** An error without a flag, in the same form. */
export function errorReply(status: number, error: string, code?: number): HttpReply {
  const members: Member[] = [['error', error]]
  return jsonReply(status, printMembers(code === undefined ? members : [...members, ['code', code]]))
}

/** JSON that may hold a secret. */
export function jsonReply(status: number, body: string): HttpReply {
  return { status, headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }, body }
}

function printMembers(members: readonly Member[]): string {
  const lines = members.map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
  return `{\n${lines.join(',\n')}\n}\n`
}
