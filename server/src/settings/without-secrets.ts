/** Parameters of a URL whose values are nobody's business, such as `password`, `sslpassword` and `sslkey`. */
const SECRET_NAME = /pass|secret|token|key/i

/** The address of a store for people: the password and secret parameters of a URL are left out. */
export function withoutSecrets(address: string): string {
  // Parameters first: what they hold may look like the end of a password.
  return address
    .replace(/([?&])([^=&]*)=[^&]*/g, (whole, mark: string, name: string) =>
      SECRET_NAME.test(decoded(name)) ? `${mark}${name}=[secret]` : whole,
    )
    .replace(/^([a-z]+:\/\/[^:@/?]*):.*@/i, '$1:[secret]@')
}

/** What cannot be decoded is as it is. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
