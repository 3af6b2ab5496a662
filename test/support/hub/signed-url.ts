import { createHmac } from 'node:crypto'

const keyPairId = 'K24J24Z295AEI9'

/** Signs CDN URLs as CloudFront does: Expires, Policy, Signature and Key-Pair-Id in the query. */
export class UrlSigner {
  lifetimeMs: number
  #epoch = 0

  constructor(lifetimeMs: number) {
    this.lifetimeMs = lifetimeMs
  }

  /** Makes every URL signed so far count as expired. */
  expireAll(): void {
    this.#epoch += 1
  }

  /** The query string for a path; `extra` parameters come first and are not signed. */
  sign(path: string, extra: Readonly<Record<string, string>>): string {
    const expires = (Date.now() + this.lifetimeMs) / 1000
    const condition = { DateLessThan: { 'AWS:EpochTime': expires } }
    const policy = Buffer.from(JSON.stringify({ Statement: [{ Condition: condition, Resource: path }] }))
    const query = new URLSearchParams(extra)
    query.set('Expires', String(Math.ceil(expires)))
    query.set('Policy', policy.toString('base64url'))
    query.set('Signature', this.#signature(path, query.get('Policy') ?? ''))
    query.set('Key-Pair-Id', keyPairId)
    return query.toString()
  }

  /** Why the URL is refused, or undefined when it is good. */
  refusal(path: string, query: URLSearchParams): string | undefined {
    const policy = query.get('Policy')
    const signature = query.get('Signature')
    if (policy === null || signature === null || query.get('Key-Pair-Id') !== keyPairId) return 'Missing Key'
    if (signature !== this.#signature(path, policy)) return 'Access denied'
    const text = Buffer.from(policy, 'base64url').toString()
    const expires = Number(/"AWS:EpochTime":([\d.]+)/.exec(text)?.[1] ?? 0)
    return expires * 1000 < Date.now() ? 'Request has expired' : undefined
  }

  #signature(path: string, policy: string): string {
    return createHmac('sha256', `test hub ${this.#epoch}`).update(`${path}\n${policy}`).digest('base64url')
  }
}
