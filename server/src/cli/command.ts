import type { Terminal } from './terminal.ts'

/** Something that the program can be told to do. */
export type Command = {
  /** The first word on the command line. */
  readonly name: string
  /** What may follow it. */
  readonly usage: string
  /** What it does, in one sentence. */
  readonly sentence: string
  /** Does it and answers the exit code. @throws {UsageError} | {SettingsError} | {StartError} */
  run(args: readonly string[], terminal: Terminal): Promise<number>
}

/** The command line makes no sense; the message says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What the exit code of the program tells. */
export const EXIT = {
  /** It did what it was told, or was stopped by SIGTERM or SIGINT and drained. */
  done: 0,
  /** It tried and failed; the last lines on stderr say why. */
  failed: 1,
  /** The command line or a setting is wrong; nothing was tried. */
  usage: 2,
} as const
