let current: string | undefined

/** The header line `Date` (RFC 9110 section 6.6.1), ended by CR LF; worked out once a second. */
export function httpDate(): string {
  if (current !== undefined) return current
  const now = Date.now()
  current = `Date: ${new Date(now).toUTCString()}\r\n`
  setTimeout(
    () => {
      current = undefined
    },
    1_000 - (now % 1_000),
  ).unref()
  return current
}
