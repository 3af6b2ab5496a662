import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DfhfError } from '../../src/base/errors.ts'
import { GatewayServer } from '../../src/gateway/gateway-server.ts'
import type { GatewayRequest, Reply } from '../../src/gateway/message.ts'
import { outwardAddress as outward } from '../support/program/outward-address.ts'

const folder = mkdtempSync(join(tmpdir(), 'dfhf-server-'))
const path = join(folder, 'blob')
const bytes = Buffer.alloc(3_000_000, 'gateway ')
writeFileSync(path, bytes)
afterAll(() => rmSync(folder, { recursive: true }))

async function serve(
  handle: (request: GatewayRequest) => Promise<Reply> | Reply,
  host = '127.0.0.1',
): Promise<AsyncDisposable & { url: string; server: GatewayServer; warnings: string[] }> {
  const warnings: string[] = []
  const server = await GatewayServer.listen({
    handler: { handle: async (request) => handle(request), connect: async () => {} },
    host,
    port: 0,
    log: { debug() {}, info() {}, warn: (message) => void warnings.push(message) },
  })
  return {
    url: `http://${host}:${server.port}`,
    server,
    warnings,
    [Symbol.asyncDispose]: () => server.close(),
  }
}

function fileReply(isGood?: () => Promise<boolean>): { reply: Reply; released: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const body = { path, start: 100, end: 2_900_000, isGood, release: resolve }
  return {
    reply: { status: 206, headers: [['Content-Length', '2899900']], body },
    released: promise,
  }
}

describe('the socket of the gateway', () => {
  test('sends a part of a file and lets go of it, also when only its headers are wanted', async () => {
    for (const method of ['GET', 'HEAD']) {
      const { reply, released } = fileReply()
      await using gateway = await serve(() => reply)
      const answer = await fetch(gateway.url, { method })
      const body = await answer.bytes()
      expect([answer.status, answer.headers.get('content-length')]).toEqual([206, '2899900'])
      if (method === 'GET') expect(Buffer.compare(body, bytes.subarray(100, 2_900_000))).toBe(0)
      await released
    }
  })

  test('holds the last bytes of a file back until it is known to be good, and breaks off when it is not', async () => {
    for (const isGood of [true, false]) {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const { reply, released } = fileReply(() => promise)
      await using gateway = await serve(() => reply)
      const answer = await fetch(gateway.url)
      const reader = answer.body?.getReader()
      let got = (await reader?.read())?.value?.length ?? 0
      resolve(isGood)
      const rest = (async () => {
        for (;;) {
          const { value, done } = (await reader?.read()) ?? { done: true }
          if (done) return got
          got += value?.length ?? 0
        }
      })()
      if (isGood) expect(await rest).toBe(2_899_900)
      else expect(await rest.catch(() => 'broken')).toBe('broken')
      await released
      expect(gateway.warnings.length).toBe(isGood ? 0 : 1)
    }
  })

  test('breaks the connection when a stream fails, and says why without the query', async () => {
    await using gateway = await serve(() => ({
      status: 200,
      headers: [],
      body: (async function* () {
        yield Buffer.from('first')
        throw new DfhfError('verification-failed', 'wrong bytes')
      })(),
    }))
    const read = fetch(`${gateway.url}/x?Signature=secret`).then((answer) => answer.text())
    expect(await read.catch(() => 'broken')).toBe('broken')
    expect(gateway.warnings).toEqual(['broke off the answer to GET /x?…: wrong bytes'])
  })

  test('answers errors in words, and what is unexpected without them', async () => {
    const errors = [new DfhfError('rate-limited', 'too many', { retryAfterMs: 1500 }), new Error('secret')]
    await using gateway = await serve(() => {
      throw errors.shift()
    })
    const limited = await fetch(gateway.url)
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '2'])
    expect(await limited.json()).toEqual({ error: 'too many' })
    const failed = await fetch(gateway.url)
    expect([failed.status, (await failed.text()).includes('secret')]).toEqual([500, false])
  })

  test('tells the handler when a client goes away', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    await using gateway = await serve(async ({ signal }) => {
      signal.addEventListener('abort', () => resolve())
      await promise
      return { status: 200, headers: [] }
    })
    const leaving = new AbortController()
    const asked = fetch(gateway.url, { signal: leaving.signal }).catch(() => {})
    setTimeout(() => leaving.abort(), 50)
    await promise
    await asked
  })

  test('finishes what it is sending when it closes in peace, and takes nothing new', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    await using gateway = await serve(() => ({
      status: 200,
      headers: [],
      body: (async function* () {
        yield Buffer.from('first ')
        await promise
        yield Buffer.from('last')
      })(),
    }))
    const answer = await fetch(gateway.url)
    const closed = gateway.server.close(10_000)
    resolve()
    expect(await answer.text()).toBe('first last')
    await closed
    await expect(fetch(gateway.url)).rejects.toThrow()
  })

  test.skipIf(outward === undefined)('takes a bounded number of connections of another machine', async () => {
    await using gateway = await serve(() => ({ status: 200, headers: [] }), outward)
    const open = async () => {
      const socket = connect(gateway.server.port, outward ?? '')
      const isTaken = Promise.withResolvers<boolean>()
      socket.on('error', () => isTaken.resolve(false))
      socket.on('close', () => isTaken.resolve(false))
      socket.on('data', () => isTaken.resolve(true))
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      return { socket, isTaken: await isTaken.promise }
    }
    const opened = []
    for (let count = 0; count < 260; count += 1) opened.push(await open())
    expect(opened.filter(({ isTaken }) => isTaken)).toHaveLength(256)
    for (const { socket } of opened.slice(0, 10)) socket.destroy()
    // The server hears of it in a moment.
    let again = await open()
    while (!again.isTaken) again = await open()
    for (const { socket } of [...opened, again]) socket.destroy()
  })

  test('says which address it cannot have', async () => {
    await using gateway = await serve(() => ({ status: 200, headers: [] }))
    const again = GatewayServer.listen({
      handler: { handle: async () => ({ status: 200, headers: [] }), connect: async () => {} },
      host: '127.0.0.1',
      port: gateway.server.port,
    })
    await expect(again).rejects.toThrow(`cannot listen on 127.0.0.1, port ${gateway.server.port}: EADDRINUSE`)
  })
})
