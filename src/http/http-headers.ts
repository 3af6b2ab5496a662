/** The headers of one response; names in any case. */
export class HttpHeaders {
  readonly #values: Readonly<Record<string, string | readonly string[] | undefined>>

  /** Takes them by lower-case name, a repeated header as a list. */
  constructor(values: Readonly<Record<string, string | readonly string[] | undefined>> = {}) {
    this.#values = values
  }

  /** The value, the first one of a repeated header. */
  get(name: string): string | undefined {
    return this.getAll(name)[0]
  }

  /** Every value in the order sent. */
  getAll(name: string): readonly string[] {
    const value = this.#values[name.toLowerCase()]
    if (value === undefined) return []
    return typeof value === 'string' ? [value] : value
  }

  /** Every name, in lower case. */
  names(): readonly string[] {
    return Object.keys(this.#values)
  }
}
