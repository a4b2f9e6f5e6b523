import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { type Environment, processEnvironment } from '../settings/settings-environment.ts'

/** What a command may use of the place it was started from. */
export type Terminal = {
  readonly environment: Environment
  /** Prints to stdout. */
  print(text: string): void
  /** Prints to stderr. */
  complain(text: string): void
  /** Shows how far something is, in place of what was shown so before; empty: nothing. Absent: nobody looks on. */
  readonly progress?: (text: string) => void
  /** Asks for a line of text that is not shown while it is typed; the first line of stdin when that is no terminal. */
  askSecret(question: string): Promise<string>
}

/** The terminal, or the files and pipes, that this process was started with. */
export function processTerminal(): Terminal {
  // Who starts a server as `... | head -1` closes stdout; that must not end the server.
  process.stdout.on('error', () => undefined)
  return {
    environment: processEnvironment(),
    print: (text) => void process.stdout.write(text),
    complain: (text) => void process.stderr.write(text),
    // Back to the start of the line, and whatever is there gone.
    ...(process.stderr.isTTY && {
      progress: (text: string) => void process.stderr.write(`\r\u001b[K${text}`),
    }),
    askSecret,
  }
}

async function askSecret(question: string): Promise<string> {
  const { stdin } = process
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: stdin, output: nowhere, terminal: stdin.isTTY })
  if (stdin.isTTY) process.stderr.write(question)
  try {
    for await (const line of lines) return line
    return ''
  } finally {
    lines.close()
    if (stdin.isTTY) process.stderr.write('\n')
  }
}
