import { destination, type Logger, pino } from 'pino'

/** Where the program writes what its operators should know. Facts never hold a secret. */
export interface Log {
  fatal(facts: LogFacts, message: string): void
  error(facts: LogFacts, message: string): void
  warn(facts: LogFacts, message: string): void
  info(facts: LogFacts, message: string): void
  debug(facts: LogFacts, message: string): void
  /** Writes what still waits; for the moment before the process ends. */
  flush(): void
}

/** Facts of a message by name; an error goes under `err`. */
export type LogFacts = Readonly<Record<string, unknown>>

/** How a log is written. */
export type LogOptions = {
  readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
  readonly format: 'text' | 'json'
}

/** Text that waits for a slow reader of stderr; what comes beyond is dropped, so that it can stop nothing. */
const WAITING_CHARACTERS_MAX = 16_777_216

const STDERR = 2

/** Writes to stderr without ever making the server wait: one JSON object a line, or one line of text for people. */
export function createLog(options: LogOptions): Log {
  const stderr = destination({ fd: STDERR, sync: false, maxLength: WAITING_CHARACTERS_MAX })
  const logger = createLogger(options, options.format === 'json' ? stderr : textOver(stderr))
  return {
    fatal: (facts, message) => logger.fatal(facts, message),
    error: (facts, message) => logger.error(facts, message),
    warn: (facts, message) => logger.warn(facts, message),
    info: (facts, message) => logger.info(facts, message),
    debug: (facts, message) => logger.debug(facts, message),
    flush: () => {
      try {
        stderr.flushSync()
      } catch {
        // The reader of stderr is gone or too slow, and nobody is left who could be told.
      }
    },
  }
}

type LineWriter = { write(line: string): void }

function createLogger({ level }: LogOptions, to: LineWriter): Logger {
  return pino(
    {
      level,
      base: null,
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
    },
    to,
  )
}

function textOver(to: LineWriter): LineWriter {
  return { write: (line) => to.write(textOfLine(line)) }
}

/**
 * `2026-01-31T12:00:00.000Z warn message {"fact":1}`, and the stack of an error below. What clients chose, such as an id,
 * cannot steer the terminal that shows it.
 */
export function textOfLine(line: string): string {
  const { time, level, msg, err, ...facts } = JSON.parse(line)
  const printed = Object.keys(facts).length === 0 ? '' : ` ${JSON.stringify(facts)}`
  const cause = err === undefined ? '' : `\n${indent(err.stack ?? JSON.stringify(err))}`
  return `${withoutControls(`${time} ${level} ${msg}${printed}${cause}`)}\n`
}

/** Control characters but tabs and line ends, and what turns the direction of writing, as JSON would escape them. */
function withoutControls(text: string): string {
  return text.replace(CONTROLS, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const CONTROLS = /[^\P{Cc}\t\n]|[\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

function indent(text: string): string {
  return text.replace(/^/gm, '  ')
}
