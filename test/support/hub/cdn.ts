import { createHash } from 'node:crypto'
import { type HttpAnswer, type HttpRequest, textAnswer } from './http/message.ts'
import { contentAnswer } from './http/ranges.ts'
import type { Repo } from './repo.ts'
import type { RepoStore } from './repo-store.ts'
import type { UrlSigner } from './signed-url.ts'
import type { RequestRecord } from './stats.ts'

/** The host of LFS blobs: signed URLs whose last segment is the oid, and no place for tokens. */
export class Cdn {
  readonly signer: UrlSigner
  readonly #repos: RepoStore
  readonly #violation: (text: string) => void

  constructor(repos: RepoStore, signer: UrlSigner, violation: (text: string) => void) {
    this.#repos = repos
    this.signer = signer
    this.#violation = violation
  }

  /** Path and query of a new signed URL. */
  sign(repo: Repo, oid: string, fileName: string): string {
    const folder = createHash('sha256').update(`${repo.type}/${repo.id}`).digest('hex')
    const path = `/repos/${folder.slice(0, 2)}/${folder.slice(2, 4)}/${folder}/${oid}`
    const disposition = `inline; filename*=UTF-8''${encodeURIComponent(fileName)}; filename="${fileName}";`
    return `${path}?${this.signer.sign(path, { 'response-content-disposition': disposition })}`
  }

  answer(request: HttpRequest, record: RequestRecord): HttpAnswer {
    if (request.headers.has('authorization') && record.kind !== 'cas') {
      this.#violation(`Authorization on the CDN: ${request.method} ${request.path}`)
      return xmlError(400, 'InvalidArgument', 'Only one auth mechanism allowed')
    }
    if (record.kind === 'cas') return textAnswer(404, 'no xet store here')
    const path = request.path.replace(/^\/hop(?=\/)/, '')
    const refused = this.signer.refusal(path, request.query)
    if (refused !== undefined) return xmlError(403, 'AccessDenied', refused)
    const oid = path.split('/').at(-1) ?? ''
    const file = this.#repos.lfsFile(oid)
    if (!file) return xmlError(404, 'NoSuchKey', 'The specified key does not exist.')
    return contentAnswer(request, file.content, {
      ETag: `"${createHash('md5').update(oid).digest('hex')}"`,
      'Content-Type': 'binary/octet-stream',
      'Content-Disposition': request.query.get('response-content-disposition') ?? 'inline',
      'Last-Modified': 'Mon, 01 Jan 2024 00:00:00 GMT',
      'Cache-Control': 'public, max-age=31536000',
      'X-Cache': 'Hit from cloudfront',
    })
  }
}

function xmlError(status: number, code: string, message: string): HttpAnswer {
  const xml = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`
  return textAnswer(status, xml, { 'Content-Type': 'text/xml' })
}
