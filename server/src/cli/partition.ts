import { changeLayout, type KeyLayout, PARTITIONS_MAX, readLayout } from '../application/partition-store.ts'
import { readSettings } from '../settings/read-settings.ts'
import { type Command, EXIT, UsageError } from './command.ts'
import { readTextFile } from './read-text-file.ts'

/** `latchkey partition`: splits the keys of a store with very many into partitions, or tells how they lie. */
export const PARTITION: Command = {
  name: 'partition',
  usage: '[--into N] [settings]',
  sentence: 'Splits 10^8 keys and more in PostgreSQL by their owners; 1: makes them whole.',
  run: async (args, terminal) => {
    const { into, flags } = argumentsOf(args)
    const settings = readSettings({ flags, environment: terminal.environment, readFile: readTextFile })
    const layout =
      into === undefined
        ? await readLayout(settings)
        : await changeLayout(settings, into, (step) => terminal.complain(`${step}\n`))
    terminal.print(printLayout(layout))
    return EXIT.done
  },
}

const FLAG = '--into'

function argumentsOf(args: readonly string[]): {
  readonly into: number | undefined
  readonly flags: readonly string[]
} {
  const at = args.findIndex((argument) => argument === FLAG || argument.startsWith(`${FLAG}=`))
  if (at === -1) return { into: undefined, flags: args }
  const isApart = args[at] === FLAG
  const given = isApart ? args[at + 1] : args[at]?.slice(FLAG.length + 1)
  const into = Number(given)
  if (given === undefined || !/^\d+$/.test(given) || into < 1 || into > PARTITIONS_MAX) {
    throw new UsageError(`"${FLAG}" needs a number of partitions from 1 to ${PARTITIONS_MAX}`)
  }
  return { into, flags: args.toSpliced(at, isApart ? 2 : 1) }
}

function printLayout({ partitions, keys }: KeyLayout): string {
  const where = partitions === 1 ? 'one table' : `${partitions} partitions`
  return `${keys.toLocaleString('en')} ${keys === 1 ? 'key' : 'keys'} in ${where}\n`
}
