import type { Findings } from './finding.ts'

/** Looks for tokens, keys and names of private repos where they must not be. */
export class SecretWatch {
  readonly #findings: Findings
  readonly #secrets: readonly string[]
  readonly #names: readonly string[]

  constructor(
    findings: Findings,
    parts: { readonly secrets: readonly string[]; readonly names: readonly string[] },
  ) {
    this.#findings = findings
    this.#secrets = parts.secrets
    this.#names = parts.names
  }

  /** For what reached a host that is not the Hub, or stands in a log: no secret may be in it. */
  look(text: string, where: string): void {
    if (this.#secrets.some((secret) => text.includes(secret) || text.includes(encodeURIComponent(secret))))
      this.#findings.add('token off the Hub', `${where}: ${text.slice(0, 300)}`)
    if (/^authorization:/im.test(text))
      this.#findings.add('token off the Hub', `${where}: Authorization came`)
  }

  /** For what reached a peer without the key: names of private repos may not be in it either. */
  lookAsStranger(text: string, where: string): void {
    this.look(text, where)
    const plain = decoded(text)
    const name = this.#names.find((candidate) => plain.includes(candidate))
    if (name !== undefined)
      this.#findings.add('private names', `${where} was told of ${name}: ${text.slice(0, 200)}`)
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
