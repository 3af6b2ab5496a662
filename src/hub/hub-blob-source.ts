import { DfhfError, isOfClass } from '../base/errors.ts'
import { Semaphore } from '../base/semaphore.ts'
import { isSha256 } from '../blob/oid.ts'
import type { ByteRange } from '../blob/pieces.ts'
import type { HttpResponse } from '../http/http-response.ts'
import { HttpStatusError } from '../http/http-status-error.ts'
import { givesBytes } from '../http/ranges/gives-bytes.ts'
import { ContentChangedError, rangeHeaders, readRange } from '../http/ranges/range-request.ts'
import { walkRedirects } from '../http/redirects.ts'
import type { DescribedFile } from '../repo/file-ref.ts'
import type { OriginSource, Waiting } from '../repo/origin.ts'
import type { Repo } from '../repo/repo.ts'
import { BlobLocation } from './blob-location.ts'
import { isHubsOwn } from './hub-hosts.ts'
import type { HubSession } from './hub-session.ts'
import { oidOfEtag } from './responses/etag.ts'
import { fileMetadata } from './responses/file-metadata.ts'

/** Statuses by which a CDN says that a signed URL is no longer good. */
const staleStatuses = new Set([400, 401, 403, 404, 410])

/**
 * A blob on the Hub. The place of its bytes is asked for once, shared by all ranges, renewed before its signature
 * ends, and once more when the CDN refuses it before that or seems to have another file there. `open` throws
 * RangeIgnoredError where only the whole file can be had, and `rate-limited` with `retryAfterMs`.
 */
export class HubBlobSource implements OriginSource {
  readonly kind = 'hub'
  readonly name = 'hub'
  readonly #session: HubSession
  readonly #blob: DescribedFile & { readonly repo: Repo }
  readonly #now: () => number
  readonly #guesses: boolean
  readonly #asking = new Semaphore(1)
  #location: BlobLocation | undefined
  /** The location, while only other files' places speak for it. */
  #guess: BlobLocation | undefined
  #questions = 0
  #failure: { readonly question: number; readonly error: DfhfError } | undefined

  constructor(
    session: HubSession,
    repo: Repo,
    file: DescribedFile,
    options: { readonly now?: (() => number) | undefined; readonly guesses?: boolean } = {},
  ) {
    this.#session = session
    this.#blob = { ...file, repo }
    this.#now = options.now ?? Date.now
    this.#guesses = options.guesses ?? false
    if (file.location !== undefined) this.#location = this.#place(new URL(file.location))
  }

  /** Opens a range; the body gives exactly its bytes or throws. */
  async open(
    range: ByteRange,
    options: { readonly signal: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>> {
    if (range.end <= range.start) return nothing()
    for (let isRenewed = false; ; isRenewed = true) {
      const { location, response = await this.#get(location, range, options.signal) } = await this.#locate(
        range,
        options.signal,
      )
      // The nodes of a CDN may each have an ETag of their own. Once the Hub has said that it still means this blob,
      // its oid tells whether the bytes are right.
      const etag = isRenewed && location.isSigned ? undefined : location.etag
      try {
        return await this.#read(location, response, { range, etag })
      } catch (error) {
        if (location === this.#guess && isOfClass(error, 'denied', 'missing', 'malformed')) {
          this.#session.plainLocations.disprove()
          if (this.#location === location) this.#location = undefined
          continue
        }
        const isRefused = error instanceof HttpStatusError && staleStatuses.has(error.status)
        const isOther = error instanceof ContentChangedError && location.isSigned
        if (!isRefused && !isOther) throw error
        if (isRenewed) throw isRefused ? refusedTwice(error, location) : error
        if (this.#location === location) this.#location = undefined
      }
    }
  }

  async isGiven({ signal }: Waiting = {}): Promise<boolean> {
    const { repo, commit, path, size, location } = this.#blob
    const url = location ?? (await fileMetadata(this.#session, repo, commit, path, { signal })).location
    return givesBytes((request) => this.#session.sendFollowing({ ...request, url, signal }), size)
  }

  /** The location in use, or a new one; the caller that asks the Hub for it may get the response to its own range at once. */
  async #locate(
    range: ByteRange,
    signal: AbortSignal,
  ): Promise<{ location: BlobLocation; response?: HttpResponse }> {
    const questionsBefore = this.#questions
    if (this.#guesses && questionsBefore === 0) this.#location ??= this.#guessed()
    if (this.#location?.isFresh(this.#now())) return { location: this.#location }
    return this.#asking.run(async () => {
      if (this.#location?.isFresh(this.#now())) return { location: this.#location }
      // Callers that waited while the question failed share its failure; asking again for each would take N timeouts.
      if (this.#failure && this.#failure.question > questionsBefore) throw this.#failure.error
      this.#questions += 1
      try {
        const found = await this.#ask(range, signal)
        this.#location = found.location
        return found
      } catch (error) {
        if (error instanceof DfhfError) this.#failure = { question: this.#questions, error }
        throw error
      }
    }, signal)
  }

  /** Walks from the resolve address to the bytes, checking on the way that the Hub still means the same blob. */
  async #ask(
    range: ByteRange,
    signal: AbortSignal,
  ): Promise<{ location: BlobLocation; response?: HttpResponse }> {
    const { repo, commit, path } = this.#blob
    const start = new URL(this.#session.urls.resolve(repo, commit, path))
    const headers = rangeHeaders(range, this.#blob.size)
    const { url, response, target } = await walkRedirects(
      start,
      (address) => this.#session.send({ url: address, headers, signal, waitsItsTurn: false }),
      {
        follows: (redirect) => {
          this.#check(redirect.response)
          const isLinked = redirect.response.headers.get('x-linked-etag') !== undefined
          return !isLinked && isHubsOwn(redirect.target, this.#session.endpoint)
        },
      },
    )
    if (target) {
      await response.discard()
      return { location: this.#place(target) }
    }
    if (response.status >= 400 && response.status !== 416)
      throw await this.#session.error(response, { repo, revision: commit, path })
    this.#check(response)
    if (!isSha256(this.#blob.oid)) this.#session.plainLocations.learn(this.#blob, start, url)
    return { location: this.#place(url), response }
  }

  /** Where a plain file should be, as others of its commit are. */
  #guessed(): BlobLocation | undefined {
    const { repo, commit, path, oid } = this.#blob
    const { urls, plainLocations } = this.#session
    const url = isSha256(oid)
      ? undefined
      : plainLocations.guess(this.#blob, new URL(urls.resolve(repo, commit, path)))
    this.#guess = url && this.#place(url)
    return this.#guess
  }

  #get(location: BlobLocation, range: ByteRange, signal: AbortSignal): Promise<HttpResponse> {
    const headers = rangeHeaders(range, this.#blob.size)
    const isBlob = location.isSigned
    return this.#session.sendFollowing({ url: location.url, headers, signal, waitsItsTurn: false, isBlob })
  }

  async #read(
    location: BlobLocation,
    response: HttpResponse,
    expected: { readonly range: ByteRange; readonly etag: string | undefined },
  ): Promise<AsyncIterable<Uint8Array>> {
    const { repo, commit, path, size } = this.#blob
    if (!location.isSigned) {
      if (response.status >= 400 && response.status !== 416) {
        throw await this.#session.error(response, { repo, revision: commit, path })
      }
      this.#check(response)
    }
    const opened = readRange(response, { ...expected, size })
    location.etag ??= opened.etag
    return opened.body
  }

  #place(url: URL): BlobLocation {
    const isSigned = !isHubsOwn(url, this.#session.endpoint)
    return new BlobLocation(url, { isSigned, nowMs: this.#now() })
  }

  /**
   * Throws ContentChangedError when the Hub's own headers name another blob. A plain ETag does not decide: each CDN node
   * has its own, and a mirror's may be any digest of a plain file's bytes.
   */
  #check({ headers, url }: HttpResponse): void {
    const { oid, size } = this.#blob
    const named = oidOfEtag(headers.get('x-linked-etag'))
    if (named !== undefined && named !== oid) throw new ContentChangedError(url, 'it is another blob now')
    const linkedSize = headers.get('x-linked-size')
    if (linkedSize !== undefined && Number(linkedSize) !== size) {
      throw new ContentChangedError(url, `it has ${linkedSize} bytes, not ${size}`)
    }
  }
}

function refusedTwice(error: HttpStatusError, location: BlobLocation): DfhfError {
  return new DfhfError(
    'hub-error',
    `${location.url.host} answers ${error.status} to a freshly signed address`,
    {
      hint: 'check the clock',
      retryable: true,
      cause: error,
    },
  )
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
