const texts = new WeakMap<Secret, string>()

/**
 * A text that must not be seen: a token or password. Printing, logging or serialising it gives `[secret]`; only
 * `reveal` gives the text, and is called where the one reply that may hold it is made.
 */
export class Secret {
  constructor(text: string) {
    texts.set(this, text)
  }

  reveal(): string {
    return texts.get(this) ?? ''
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]'
  }
}
