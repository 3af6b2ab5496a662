import { describe, expect, test } from 'bun:test'
import { HttpHeaders } from '../../src/http/http-headers.ts'
import { HttpResponse } from '../../src/http/http-response.ts'
import { givesBytes, type SendToBytes } from '../../src/http/ranges/gives-bytes.ts'
import { BlobProofs } from '../../src/peer/blob-proof.ts'
import type { OriginSource } from '../../src/repo/origin.ts'
import type { Repo } from '../../src/repo/repo.ts'
import { sampleOid } from '../swarm/samples.ts'

const repo: Repo = { type: 'model', id: 'o/r' }
const other: Repo = { type: 'model', id: 'o/other' }
const blob = { oid: sampleOid(), size: 1000, repo }

interface Said {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
}

function responseOf({ status, headers = {} }: Said): HttpResponse {
  return new HttpResponse({
    status,
    headers: new HttpHeaders(headers),
    url: 'https://cdn.example/x',
    raw: { chunks: async function* () {}, dump: async () => {} },
    toError: (error) => error,
  })
}

/** A place that answers a HEAD and a GET of one byte so; it counts what it was asked. */
function place(head: Said, get: Said) {
  const asked: string[] = []
  const send: SendToBytes = async ({ method, headers }) => {
    asked.push(`${method} ${headers.range ?? ''}`.trim())
    return responseOf(method === 'HEAD' ? head : get)
  }
  const source: OriginSource = {
    kind: 'hub',
    name: 'hub',
    open: () => expect.unreachable(),
    isGiven: () => givesBytes(send, blob.size),
  }
  return { asked, source }
}

const refused: Said = { status: 403 }
const length = (size: number) => ({ 'content-length': String(size) })
const part = (size: number) => ({ status: 206, headers: { 'content-range': `bytes 0-0/${size}` } })

describe('a repo is believed to hold a blob', () => {
  test.each([
    ['whose place gives it', { status: 200, headers: length(1000) }, refused],
    ['whose signature is good for a GET alone', refused, part(1000)],
    ['whose place gives whole files alone', refused, { status: 200, headers: length(1000) }],
    ['whose proxy gives a HEAD no length', { status: 200, headers: length(0) }, part(1000)],
  ])('%s, and the place is asked once', async (_what, head, get) => {
    const proofs = new BlobProofs(() => [])
    const { asked, source } = place(head, get)
    expect(proofs.has(blob)).toBe(false)
    await proofs.make(blob, source)
    expect(proofs.has(blob)).toBe(true)
    const count = asked.length
    await proofs.make(blob, source)
    expect(asked).toHaveLength(count)
    expect(proofs.has({ ...blob, repo: other })).toBe(false)
  })

  test('from which it came before, and no other one is for that', () => {
    const proofs = new BlobProofs(() => [repo])
    expect(proofs.has(blob)).toBe(true)
    expect(proofs.has({ ...blob, repo: other })).toBe(false)
    expect(proofs.has({ oid: blob.oid, size: blob.size })).toBe(false)
  })
})

describe('a repo that only names a blob is not', () => {
  test.each([
    ['refuses it', refused, refused],
    ['has another size', { status: 200, headers: length(999) }, part(999)],
    ['has another size as a whole', refused, { status: 200, headers: length(999) }],
    ['gives an error for bytes', refused, { status: 404 }],
  ])('when its place %s', async (_what, head, get) => {
    const proofs = new BlobProofs(() => [])
    await expect(proofs.make(blob, place(head, get).source)).rejects.toMatchObject({ code: 'bad-response' })
    expect(proofs.has(blob)).toBe(false)
  })
})
