import { setImmediate as nextTurn } from 'node:timers/promises'
import { createLog, type Log } from '../application/log.ts'
import { type Application, startApplication } from '../application.ts'
import { readSettings } from '../settings/read-settings.ts'
import type { Settings } from '../settings/settings.ts'
import { printAnnouncement } from './announcement.ts'
import { type Command, EXIT } from './command.ts'
import { readTextFile } from './read-text-file.ts'
import { listenForStop } from './stop-signal.ts'

/** So long after `server.drainDelay` the process ends although something could not be closed; above every drain. */
const CLOSE_MAX_MS = 9_000

/** `latchkey serve`, or just `latchkey`: runs the server until it is told to stop. */
export const SERVE: Command = {
  name: 'serve',
  usage: '[settings]',
  sentence: 'Serves until SIGTERM or SIGINT; the default.',
  run: async (flags, terminal) => {
    const settings = readSettings({ flags, environment: terminal.environment, readFile: readTextFile })
    const log = createLog({ level: settings['log.level'], format: settings['log.format'] })
    endOnBrokenPromises(log)
    const stop = listenForStop()
    try {
      const application = await startApplication(settings, log)
      terminal.print(printAnnouncement(application, settings, new Date()))
      return await close(application, settings, await stop.first, log)
    } finally {
      log.flush()
    }
  },
}

async function close(
  application: Application,
  settings: Settings,
  signal: NodeJS.Signals,
  log: Log,
): Promise<number> {
  const drainDelayMs = settings['server.drainDelay']
  const { promise: tooLate, resolve: giveUp } = Promise.withResolvers<'too late'>()
  const timer = setTimeout(() => giveUp('too late'), drainDelayMs + CLOSE_MAX_MS)
  try {
    const closed = application.close()
    // Looked at below; until then a failure is nobody's surprise.
    closed.catch(() => undefined)
    // What is said is so by then: the listeners are closed within this turn.
    await nextTurn()
    log.info({ signal, drainDelayMs }, 'Stopping: no new connections; running requests may finish')
    const outcome = await Promise.race([closed, tooLate])
    if (outcome !== 'too late') return EXIT.done
    log.error({ waitedMs: CLOSE_MAX_MS }, 'Stopping took too long: some work was cut off')
  } catch (error) {
    log.error({ err: error }, 'Cannot stop in order')
  } finally {
    clearTimeout(timer)
  }
  return EXIT.failed
}

/** A failure that nobody expected leaves the process in a state that nobody knows: it says so and ends. */
function endOnBrokenPromises(log: Log): void {
  process.on('uncaughtException', (error, origin) => {
    log.fatal({ err: error, origin }, 'A fault of Latchkey itself; it ends now and can be started again')
    log.flush()
    process.exit(EXIT.failed)
  })
}
