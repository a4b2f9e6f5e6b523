import { readdirSync, readFileSync } from 'node:fs'

/** One step of a schema: forward only, never edited once released. */
export type Migration = {
  readonly version: number
  readonly name: string
  readonly sql: string
  /**
   * The oldest program that works on a schema with this step, told by the last step that it knows. Absent: none that does
   * not know this one.
   */
  readonly compatibleFrom?: number
}

/** A step that a schema has been through; of old ones it may not be known what works with them. */
export type AppliedMigration = { readonly version: number; readonly compatibleFrom?: number }

const FILE_NAME = /^(\d{4})-([a-z0-9-]+)\.sql$/

/** The first line of a step that programs of before it can live with. */
const COMPATIBLE_FROM = /^-- compatible from (\d{4})\r?\n/

/**
 * The migrations in a folder, `NNNN-words.sql`, in order. The first line of one may be `-- compatible from NNNN`; see
 * docs/decisions/0013-rolling-upgrades.md.
 *
 * @throws {Error} when a file there has another name, or a number is used twice.
 */
export function readMigrations(folder: URL): readonly Migration[] {
  const migrations = readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => readMigration(folder, file))
  const twice = migrations.find(({ version }, index) => version === migrations[index - 1]?.version)
  if (twice !== undefined) throw new Error(`Cannot read migrations: there are two of number ${twice.version}`)
  return migrations
}

function readMigration(folder: URL, file: string): Migration {
  const [, version, name] = FILE_NAME.exec(file) ?? []
  if (name === undefined || Number(version) < 1) {
    throw new Error(`Cannot read migration "${file}": its name must be NNNN-words.sql`)
  }
  const sql = readFileSync(new URL(file, folder), 'utf8')
  const [, from] = COMPATIBLE_FROM.exec(sql) ?? []
  return { version: Number(version), name, sql, ...(from !== undefined && { compatibleFrom: Number(from) }) }
}

/** Number of the last of some steps; 0 for none. */
export function lastVersion(migrations: readonly { readonly version: number }[]): number {
  return migrations.reduce((last, { version }) => Math.max(last, version), 0)
}

/** The oldest program that works on a schema which has been through these steps, told by the last step that it knows. */
export function compatibleFrom(applied: readonly AppliedMigration[]): number {
  return applied.reduce((from, step) => Math.max(from, step.compatibleFrom ?? step.version), 0)
}

/**
 * The steps that a schema still has to go through for a program that knows `known`.
 *
 * @throws {Error} when the schema has been through others, and one of them says that this program cannot live with it.
 */
export function missingMigrations(
  applied: readonly AppliedMigration[],
  known: readonly Migration[],
): readonly Migration[] {
  const knownVersions = new Set(known.map(({ version }) => version))
  const from = compatibleFrom(applied.filter(({ version }) => !knownVersions.has(version)))
  const last = lastVersion(known)
  if (from > last) {
    throw new Error(
      `its schema is version ${lastVersion(applied)}, and this build knows versions up to ${last}: start the newer Latchkey that wrote it, or one that knows version ${from}`,
    )
  }
  const done = new Set(applied.map(({ version }) => version))
  return known.filter(({ version }) => !done.has(version))
}
