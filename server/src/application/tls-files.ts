import { readFileSync, statSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Settings } from '../settings/settings.ts'
import { contextOf, type TlsMaterial, type TlsOptions } from '../transports/tls-server.ts'
import { every } from './every.ts'
import type { Log } from './log.ts'
import { StartError } from './start-error.ts'

/** How often the files are looked at. */
const TLS_FILES_CHECK_MS = 5_000

/** Certificates and key of this server, as the files have them. */
export type TlsFiles = {
  /** Absent: connections are not encrypted. */
  readonly tls?: TlsOptions
  close(): void
}

/**
 * Reads the files of `http.tls`, and reads them again when they change, or on SIGHUP with `hangUp`. Files that cannot be
 * used are said in the log, and what was read before stays.
 *
 * @throws {StartError} the settings do not fit together, or the files cannot be used.
 */
export function openTlsFiles(
  settings: Settings,
  log: Log,
  hangUp?: Pick<NodeJS.Process, 'on' | 'off'>,
): TlsFiles {
  const files = filesOf(settings)
  if (files === undefined) return { close: () => undefined }
  let stamp = stampOf(files)
  let material: TlsMaterial
  try {
    material = readMaterial(files)
  } catch (error) {
    throw new StartError(`Cannot start with the files of http.tls: ${messageOf(error)}`, { cause: error })
  }
  const listeners = new Set<() => void>()
  const reload = (): void => {
    try {
      const next = readMaterial(files)
      material = next
      for (const changed of listeners) changed()
      log.info({ files: Object.values(files) }, 'The files of http.tls were read again')
    } catch (error) {
      log.error(
        { err: error, files: Object.values(files) },
        'The files of http.tls cannot be used; those of before stay',
      )
    }
  }
  const check = every(TLS_FILES_CHECK_MS, () => {
    const now = stampOf(files)
    if (now === stamp) return
    stamp = now
    reload()
  })
  hangUp?.on('SIGHUP', reload)
  return {
    tls: {
      material: () => material,
      onChange: (changed) => {
        listeners.add(changed)
        return () => listeners.delete(changed)
      },
    },
    close: () => {
      check.stop()
      hangUp?.off('SIGHUP', reload)
    },
  }
}

/** Paths, by what is in the file. */
type Files = { readonly certificate: string; readonly key: string; readonly clientAuthorities?: string }

function filesOf(settings: Settings): Files | undefined {
  const certificate = settings['http.tls.certificateFile']
  const key = settings['http.tls.keyFile']
  const clientAuthorities = settings['http.tls.clientCaFile']
  const asksClients = settings['http.tls.clientCertificates'] === 'optional'
  const problem = (text: string) => new StartError(`Cannot start with these settings:\n  ${text}`)
  if (certificate === undefined && key === undefined) {
    if (clientAuthorities === undefined) return undefined
    throw problem('http.tls.clientCaFile: http.tls.certificateFile and http.tls.keyFile are needed, too')
  }
  if (certificate === undefined) throw problem('http.tls.keyFile: http.tls.certificateFile is needed, too')
  if (key === undefined) throw problem('http.tls.certificateFile: http.tls.keyFile is needed, too')
  if (!asksClients) return { certificate, key }
  if (clientAuthorities !== undefined) return { certificate, key, clientAuthorities }
  throw problem('http.tls.clientCertificates: http.tls.clientCaFile must say who vouches for clients')
}

function readMaterial({ certificate, key, clientAuthorities }: Files): TlsMaterial {
  const material = {
    certificate: readFileSync(certificate, 'utf8'),
    key: readFileSync(key, 'utf8'),
    ...(clientAuthorities !== undefined && { clientAuthorities: readFileSync(clientAuthorities, 'utf8') }),
  }
  // Tells at once what is wrong, also that the key is that of another certificate.
  createSecureContext(contextOf(material))
  return material
}

/** What changes when one of the files does. */
function stampOf(files: Files): string {
  return Object.values(files)
    .map((path) => {
      const state = statSync(path, { throwIfNoEntry: false })
      return state === undefined ? '' : `${state.ino} ${state.mtimeMs} ${state.size}`
    })
    .join('\n')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
