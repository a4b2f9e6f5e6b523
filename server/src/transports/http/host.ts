/** Whether a text is a host as a request may name it, with or without a port, and nothing besides. */
export function isHost(text: string): boolean {
  return HOST.test(text)
}

const HOST = /^(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?$/
