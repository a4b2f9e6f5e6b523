import { type FSWatcher, watch } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import type { Topology } from '../topology.ts'
import { checkTopology, type TopologyRules } from './check-topology.ts'
import { parseDescriptor, parseSharedProviders } from './parse-descriptor.ts'
import { parseTopologyXml } from './parse-topology-xml.ts'
import type { RawProvider } from './raw-topology.ts'
import { TopologyProblem } from './topology-problem.ts'

/** A folder of topology files that is read again whenever something in it changes. */
export interface TopologyFolder {
  /** The last good version of every topology: those in effect. */
  readonly topologies: ReadonlyMap<string, Topology>
  /** Files that cannot be offered as they are now, and why. */
  readonly problems: ReadonlyMap<string, string>
  /** Reads the folder again now; resolves when that is in effect. */
  reload(): Promise<void>
  /** Stops watching. */
  close(): void
}

/** What happened to a file. */
export type TopologyEvent =
  | { readonly kind: 'offered' | 'changed' | 'removed'; readonly topology: string; readonly file: string }
  | { readonly kind: 'refused'; readonly topology: string; readonly file: string; readonly problem: string }
  | { readonly kind: 'warning'; readonly topology: string; readonly file: string; readonly problem: string }
  | { readonly kind: 'note'; readonly topology: string; readonly file: string; readonly problem: string }

/** What is wrong with a file, or may surprise whoever wrote it. */
type Problem = Extract<TopologyEvent, { readonly problem: string }>

/** How a folder is read. */
export type FolderOptions = {
  readonly rules: TopologyRules
  /** Told of every change once it is in effect; the same problem of the same file is told once. */
  readonly onEvent: (event: TopologyEvent) => void
  /** Puts the topologies into effect each time the folder was read; answers why, by name, of each that it cannot. */
  readonly offer?: (topologies: ReadonlyMap<string, Topology>) => ReadonlyMap<string, string>
}

/** Editors write a file in several steps: changes are looked at when it was quiet for so long. */
const SETTLE_MS = 100

/** Most files that are looked at. */
export const TOPOLOGIES_MAX = 1_000

/**
 * Opens a folder of topologies: a flat one, or Knox's `conf` with `topologies`, `descriptors` and `shared-providers`
 * in it. The name of a topology is that of its file.
 *
 * A broken file keeps its last good version; a file that is gone takes its topology away.
 *
 * @throws {TopologyProblem} the folder cannot be read.
 */
export async function openTopologyFolder(folder: string, options: FolderOptions): Promise<TopologyFolder> {
  const opened = new WatchedFolder(folder, options)
  await opened.reload()
  opened.watch()
  return opened
}

const DESCRIPTORS = ['.json', '.yaml', '.yml']
const SUBFOLDERS = ['topologies', 'descriptors', 'shared-providers']

class WatchedFolder implements TopologyFolder {
  readonly #folder: string
  readonly #options: FolderOptions
  readonly #watchers: FSWatcher[] = []
  #topologies: ReadonlyMap<string, Topology> = new Map()
  #problems: ReadonlyMap<string, string> = new Map()
  #told = new Set<string>()
  #settling: NodeJS.Timeout | undefined
  #reading: Promise<void> = Promise.resolve()
  #closed = false

  constructor(folder: string, options: FolderOptions) {
    this.#folder = folder
    this.#options = options
  }

  get topologies(): ReadonlyMap<string, Topology> {
    return this.#topologies
  }

  get problems(): ReadonlyMap<string, string> {
    return this.#problems
  }

  reload(): Promise<void> {
    // One after the other, so that an older state of the folder never replaces a newer one.
    const next = this.#reading.catch(() => undefined).then(() => this.#read())
    this.#reading = next
    return next
  }

  watch(): void {
    for (const folder of ['', ...SUBFOLDERS].map((name) => join(this.#folder, name))) {
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#changed())
        watcher.on('error', () => watcher.close())
        this.#watchers.push(watcher)
      } catch {
        // This subfolder does not exist: a flat folder has none.
      }
    }
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#settling)
    for (const watcher of this.#watchers) watcher.close()
  }

  #changed(): void {
    if (this.#closed) return
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => void this.#reloadQuietly(), SETTLE_MS)
    this.#settling.unref()
  }

  async #reloadQuietly(): Promise<void> {
    try {
      await this.reload()
    } catch (error) {
      // The folder itself is gone or unreadable: what was offered stays.
      this.#tell({ kind: 'refused', topology: '', file: this.#folder, problem: messageOf(error) })
    }
  }

  async #read(): Promise<void> {
    const files = await this.#files()
    const shared = await this.#sharedProviders(files)
    const topologies = new Map<string, Topology>()
    const problems = new Map<string, Problem>()
    const remarks: Problem[] = []
    for (const file of files.topologies) {
      const name = basename(file, extname(file))
      const known = this.#topologies.get(name)
      try {
        if (topologies.has(name)) throw new TopologyProblem(`${file}: another file is named "${name}" too`)
        const read = await this.#readTopology(file, name, shared)
        const isSame = known !== undefined && isSameTopology(known, read.topology)
        topologies.set(name, isSame ? known : read.topology)
        for (const problem of read.warnings) {
          remarks.push({ kind: 'warning', topology: name, file, problem })
        }
        for (const problem of read.notes) remarks.push({ kind: 'note', topology: name, file, problem })
      } catch (error) {
        problems.set(file, { kind: 'refused', topology: name, file, problem: messageOf(error) })
        if (known !== undefined && !topologies.has(name)) topologies.set(name, known)
      }
    }
    for (const refused of this.#offer(topologies)) problems.set(refused.file, refused)
    this.#tellChanges(topologies)
    const told = [...problems.values(), ...remarks]
    for (const event of told) this.#tell(event)
    // Problems that are gone are told again should they come back.
    this.#told = new Set(told.map(({ problem }) => problem))
    this.#topologies = topologies
    this.#problems = new Map([...problems].map(([file, { problem }]) => [file, problem]))
  }

  /** Puts topologies into effect, and those back that cannot be to what they were. */
  #offer(topologies: Map<string, Topology>): readonly Problem[] {
    const refused = this.#options.offer?.(topologies) ?? new Map<string, string>()
    return [...refused].map(([name, problem]) => {
      const file = topologies.get(name)?.file ?? name
      const known = this.#topologies.get(name)
      if (known === undefined) topologies.delete(name)
      else topologies.set(name, known)
      return { kind: 'refused', topology: name, file, problem }
    })
  }

  /** Told when they are in effect, and not before. */
  #tellChanges(topologies: ReadonlyMap<string, Topology>): void {
    const { onEvent } = this.#options
    for (const [name, topology] of topologies) {
      const known = this.#topologies.get(name)
      if (known === topology) continue
      onEvent({ kind: known ? 'changed' : 'offered', topology: name, file: topology.file })
    }
    for (const [name] of this.#topologies) {
      if (!topologies.has(name)) onEvent({ kind: 'removed', topology: name, file: this.#folder })
    }
  }

  #tell(event: Problem): void {
    if (this.#told.has(event.problem)) return
    this.#told.add(event.problem)
    this.#options.onEvent(event)
  }

  async #readTopology(file: string, name: string, shared: ReadonlyMap<string, Shared>) {
    const text = await readFile(join(this.#folder, file), 'utf8')
    const raw = file.endsWith('.xml')
      ? parseTopologyXml(text, file)
      : parseDescriptor(text, file, (reference) => {
          const found = shared.get(reference)
          if (found instanceof TopologyProblem) throw found
          return found
        })
    return checkTopology(raw, { name, file }, this.#options.rules)
  }

  async #files(): Promise<Files> {
    const flat = await this.#list('')
    if (flat === undefined) throw new TopologyProblem(`Cannot read the folder of topologies ${this.#folder}`)
    const topologies = [
      ...flat.filter((file) => file.endsWith('.xml') || DESCRIPTORS.includes(extname(file))),
      ...((await this.#list('topologies')) ?? []).filter((file) => file.endsWith('.xml')),
      ...((await this.#list('descriptors')) ?? []).filter((file) => DESCRIPTORS.includes(extname(file))),
    ]
    if (topologies.length > TOPOLOGIES_MAX) {
      throw new TopologyProblem(
        `${this.#folder} holds ${topologies.length} topologies, and ${TOPOLOGIES_MAX} is the limit`,
      )
    }
    return { topologies, shared: (await this.#list('shared-providers')) ?? [] }
  }

  /** Files in a subfolder, in order of their names, relative to the folder; undefined: it does not exist. */
  async #list(subfolder: string): Promise<readonly string[] | undefined> {
    try {
      const entries = await readdir(join(this.#folder, subfolder), { withFileTypes: true })
      return entries
        .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
        .map((entry) => join(subfolder, entry.name))
        .sort()
    } catch {
      return undefined
    }
  }

  async #sharedProviders(files: Files): Promise<ReadonlyMap<string, Shared>> {
    const shared = new Map<string, Shared>()
    for (const file of files.shared) {
      const name = basename(file, extname(file))
      try {
        shared.set(name, parseSharedProviders(await readFile(join(this.#folder, file), 'utf8'), file))
      } catch (error) {
        // Told with each topology that refers to it.
        shared.set(name, new TopologyProblem(messageOf(error)))
      }
    }
    return shared
  }
}

type Files = { readonly topologies: readonly string[]; readonly shared: readonly string[] }

/** Shared providers of a file, or why it cannot be read. */
type Shared = readonly RawProvider[] | TopologyProblem

function isSameTopology(one: Topology, other: Topology): boolean {
  return print(one) === print(other)
}

function print(topology: Topology): string {
  return JSON.stringify(topology, (_, value: unknown) => (value instanceof Map ? [...value] : value))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
