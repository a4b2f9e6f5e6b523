import { DETECTOR_FORMATS, type DetectorFormat, printDetectorsOf } from '../application/print-detectors.ts'
import { readSettings } from '../settings/read-settings.ts'
import { type Command, EXIT, UsageError } from './command.ts'
import { readTextFile } from './read-text-file.ts'

/** `latchkey detectors`: rules that let scanners of secrets find leaked keys, for the keyspaces of the settings. */
export const DETECTORS: Command = {
  name: 'detectors',
  usage: '[--format FORMAT]',
  sentence: `Prints rules that find leaked keys, for ${DETECTOR_FORMATS.join(', ')}.`,
  run: async (args, terminal) => {
    const { format, flags } = takeFormat(args)
    const settings = readSettings({ flags, environment: terminal.environment, readFile: readTextFile })
    terminal.print(printDetectorsOf(settings, format))
    return EXIT.done
  },
}

/** Takes `--format F` or `--format=F` out of the flags; the others are settings. Gitleaks when there is none. */
function takeFormat(args: readonly string[]): {
  readonly format: DetectorFormat
  readonly flags: readonly string[]
} {
  const at = args.findIndex((argument) => argument === '--format' || argument.startsWith('--format='))
  const given = args[at]
  if (given === undefined) return { format: DETECTOR_FORMATS[0], flags: args }
  const isApart = given === '--format'
  const name = isApart ? args[at + 1] : given.slice('--format='.length)
  const format = DETECTOR_FORMATS.find((known) => known === name)
  if (format === undefined) {
    const formats = DETECTOR_FORMATS.join(', ')
    throw new UsageError(`"detectors" knows the formats ${formats}, but was given: ${name ?? 'none'}`)
  }
  return { format, flags: args.toSpliced(at, isApart ? 2 : 1) }
}
