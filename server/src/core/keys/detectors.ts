import type { Keyspace } from '../core-settings.ts'
import { NATIVE_TAIL_LENGTH } from './native-token.ts'

/** Scanners of secrets for which there are rules. */
export const DETECTOR_FORMATS = ['gitleaks', 'trufflehog', 'github'] as const
export type DetectorFormat = (typeof DETECTOR_FORMATS)[number]

/**
 * Rules that let a scanner of secrets find leaked tokens of these keyspaces, and of Kuzzle's form.
 *
 * - `gitleaks`: a complete `.gitleaks.toml`.
 * - `trufflehog`: a complete `config.yaml` of custom detectors.
 * - `github`: what to type into the form of a custom pattern of GitHub's secret scanning, field by field.
 *
 * Scanners know no checksums, so a rule may also find a text that only looks like a token.
 */
export function printDetectors(
  keyspaces: Readonly<Record<string, Keyspace>>,
  format: DetectorFormat,
): string {
  const detectors = [...Object.entries(keyspaces).map(nativeDetector), KUZZLE]
  return PRINTERS[format](detectors)
}

/** A kind of token. Every expression is in the syntax that RE2, Hyperscan and JavaScript have in common. */
type Detector = {
  /** `[A-Za-z0-9_.-]` */
  readonly name: string
  readonly description: string
  /** In lower case, and in every token: scanners look for it before they try the expression. */
  readonly keyword: string
  readonly secret: string
  /** How the place right after it is told, without taking a character away from the next token. */
  readonly end: string
  /** Characters that a token can consist of: no token begins or ends within a run of them. */
  readonly characters: string
}

function nativeDetector([name, { prefix, environment }]: readonly [string, Keyspace]): Detector {
  const head = `${prefix}_${environment}_`
  return {
    name,
    description: `Latchkey API key of the keyspace ${name}`,
    keyword: head,
    secret: `${head}[0-9A-Za-z]{${NATIVE_TAIL_LENGTH}}`,
    end: '\\b',
    characters: '0-9A-Za-z_',
  }
}

/** A JSON Web Token whose signature is that of HS256, HS384 or HS512. */
const KUZZLE: Detector = {
  name: 'kuzzle',
  description: "API key of Kuzzle's form",
  keyword: 'kapikey-',
  secret: 'kapikey-eyJ[0-9A-Za-z_-]+\\.eyJ[0-9A-Za-z_-]+\\.[0-9A-Za-z_-]{43,86}',
  // A signature may end in "-", after which there is no word boundary, and RE2 cannot look ahead.
  end: '',
  characters: '0-9A-Za-z_-',
}

/** Bits for each character: less than any token has, and more than a placeholder such as `xxxxxxxx`. */
const ENTROPY_MIN = 3

const PRINTERS: Readonly<Record<DetectorFormat, (detectors: readonly Detector[]) => string>> = {
  gitleaks: (detectors) =>
    [
      '# Finds leaked API keys. Use as .gitleaks.toml, or add the rules to yours.',
      'title = "Latchkey"',
      '',
      '[extend]',
      'useDefault = true',
      ...detectors.map(gitleaksRule),
    ].join('\n'),
  trufflehog: (detectors) =>
    [
      '# Finds leaked API keys: trufflehog ... --config=config.yaml',
      'detectors:',
      ...detectors.map(trufflehogDetector),
    ].join('\n'),
  github: (detectors) =>
    [
      "Finds leaked API keys: one custom pattern of GitHub's secret scanning each.",
      'In the settings of the repository or organization, choose "New pattern" and "More options".',
      ...detectors.map(githubPattern),
    ].join('\n'),
}

function gitleaksRule({ name, description, keyword, secret, end }: Detector): string {
  return `
[[rules]]
id = "latchkey-${name}"
description = "${description}"
regex = '''\\b(${secret})${end}'''
secretGroup = 1
entropy = ${ENTROPY_MIN}
keywords = ["${keyword}"]
`
}

function trufflehogDetector({ name, keyword, secret, end }: Detector): string {
  return `  - name: 'latchkey-${name}'
    keywords:
      - '${keyword}'
    regex:
      token: '\\b(${secret})${end}'
    entropy: ${ENTROPY_MIN}
`
}

function githubPattern({ name, description, secret, characters }: Detector): string {
  return `
Pattern name:   latchkey-${name} (${description})
Secret format:  ${secret}
Before secret:  \\A|[^${characters}]
After secret:   \\z|[^${characters}]
`
}
