import assert from 'node:assert/strict'
import { runCommandLine } from '../run-command-line.ts'
import type { Terminal } from '../terminal.ts'

/** What a run of the program printed, and its exit code. */
export type Said = { readonly code: number; readonly out: string; readonly err: string }

/** Runs the program in this process, without an environment and, unless `terminal` says otherwise, nobody to ask. */
export async function runProgram(
  args: readonly string[],
  terminal: Partial<Pick<Terminal, 'askSecret' | 'progress'>> = {},
): Promise<Said> {
  const said = { out: '', err: '' }
  const code = await runCommandLine(args, {
    environment: {},
    print: (text) => {
      said.out += text
    },
    complain: (text) => {
      said.err += text
    },
    askSecret: () => assert.fail('nothing is asked'),
    ...terminal,
  })
  return { code, ...said }
}
