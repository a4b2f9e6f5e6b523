/** Why the program cannot start, in words for whoever started it: what was tried, why it failed, what to do. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/** Says what to do when an address cannot be listened on; `setting` names the flag that chooses another port. */
export function cannotListen(
  at: { readonly host: string; readonly port: number; readonly flag: string },
  error: unknown,
): StartError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const address = `${printHost(at.host)}:${at.port}`
  const why = WHY[String(code)]?.(at.flag) ?? (error instanceof Error ? error.message : String(error))
  return new StartError(`Cannot listen on ${address}: ${why}`, { cause: error })
}

/** A host as it stands in a URL. */
export function printHost(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

const WHY: Readonly<Record<string, (flag: string) => string>> = {
  EADDRINUSE: (flag) =>
    `the port is in use, perhaps by another Latchkey. Stop that program, or choose another port with ${flag} N (0 picks a free one)`,
  EACCES: (flag) => `this user may not use that port. Choose one from 1024 with ${flag} N`,
  EADDRNOTAVAIL: () => 'this machine does not have that address. Choose one that it has with --host',
  ENOTFOUND: () => 'no such host is known. Name an address of this machine with --host',
}
