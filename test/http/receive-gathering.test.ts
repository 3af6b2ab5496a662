import { describe, expect, test } from 'bun:test'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { createServer } from 'node:tls'
import { hasReceiveLowWater } from '../../src/http/connect/receive-low-water.ts'
import { createHttpClient } from '../../src/http/http-client.ts'
import { startRawServer } from '../support/http/raw-server.ts'
import { makeCertificate } from '../support/hub/certificate.ts'

/** As a link brings them. */
const PACKET = 1_448
const PACKETS = 1_200
/** Where the sender pauses until its reader has all that was sent. */
const PAUSE_AT = 900

/** A server that sends packet after packet; `pause` is awaited amid them. */
function startLink(pause: () => Promise<void> = async () => {}) {
  return startRawServer(async (socket) => {
    socket.setNoDelay(true)
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${PACKET * PACKETS}\r\n\r\n`)
    for (let sent = 0; sent < PACKETS; sent += 1) {
      if (sent === PAUSE_AT) await pause()
      socket.write(new Uint8Array(PACKET).fill(sent))
      if (sent % 8 === 7) await wait(1)
    }
  })
}

describe('a body that comes packet by packet', () => {
  test('is read in larger parts, and is whole', async () => {
    await using server = await startLink()
    await using client = createHttpClient()
    const response = await client.request({ url: server.url })
    const chunks = await Array.fromAsync(response.body)
    const whole = Buffer.concat(chunks)
    expect(whole).toHaveLength(PACKET * PACKETS)
    for (let packet = 0; packet < PACKETS; packet += 1) expect(whole[packet * PACKET]).toBe(packet % 256)
    if (hasReceiveLowWater()) expect(Math.max(...chunks.map(({ length }) => length))).toBeGreaterThan(2 ** 14)
  })

  test('is given as far as it came when its sender pauses', async () => {
    const all = Promise.withResolvers<void>()
    await using server = await startLink(() => all.promise)
    await using client = createHttpClient()
    const response = await client.request({ url: server.url })
    let received = 0
    for await (const chunk of response.body) {
      received += chunk.length
      if (received === PACKET * PAUSE_AT) all.resolve()
    }
    expect(received).toBe(PACKET * PACKETS)
  })

  test('is given as far as it came when its sender leaves', async () => {
    await using server = await startRawServer(async (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${PACKET * PACKETS}\r\n\r\n`)
      for (let sent = 0; sent < PAUSE_AT; sent += 1) {
        socket.write(new Uint8Array(PACKET))
        if (sent % 8 === 7) await wait(1)
      }
      socket.end()
    })
    await using client = createHttpClient()
    const response = await client.request({ url: server.url })
    let received = 0
    const reading = (async () => {
      for await (const chunk of response.body) received += chunk.length
    })()
    await expect(reading).rejects.toMatchObject({ code: 'network', retryable: true })
    expect(received).toBe(PACKET * PAUSE_AT)
  })

  test('leaves its connection as it was for the next one', async () => {
    await using server = await startLink()
    await using client = createHttpClient({ connections: 1 })
    for (let round = 0; round < 2; round += 1) {
      const response = await client.request({ url: server.url })
      let received = 0
      for await (const chunk of response.body) received += chunk.length
      expect(received).toBe(PACKET * PACKETS)
    }
    expect(server.highestConnections).toBe(1)
  })

  test('is whole over TLS as well, whose records end elsewhere than its packets', async () => {
    const { cert, key } = makeCertificate()
    const server = createServer({ cert, key }, (socket) => {
      socket.once('data', async () => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${PACKET * PACKETS}\r\n\r\n`)
        for (let sent = 0; sent < PACKETS; sent += 8) {
          socket.write(new Uint8Array(8 * PACKET).fill(sent))
          await wait(1)
        }
      })
      socket.on('error', () => {})
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await using client = createHttpClient({ authorities: () => [cert] })
    const response = await client.request({ url: `https://127.0.0.1:${port}/` })
    const whole = Buffer.concat(await Array.fromAsync(response.body))
    server.close()
    expect(whole).toHaveLength(PACKET * PACKETS)
    for (let sent = 0; sent < PACKETS; sent += 8) expect(whole[sent * PACKET]).toBe(sent % 256)
  })

  test('is read together with the others, however slow each of them is', async () => {
    // 64 KiB/s, 1 KiB at a time: too slow for any of them to be worth waiting for alone.
    const slowly = () =>
      startRawServer(async (socket) => {
        socket.setNoDelay(true)
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${64 * 1024}\r\n\r\n`)
        for (let sent = 0; sent < 64; sent += 1) {
          socket.write(new Uint8Array(1024))
          await wait(16)
        }
      })
    await using first = await slowly()
    await using second = await slowly()
    await using client = createHttpClient()
    const reads = await Promise.all(
      [first, second].map(async ({ url }) => {
        const chunks = await Array.fromAsync((await client.request({ url })).body)
        expect(Buffer.concat(chunks)).toHaveLength(64 * 1024)
        return chunks.length
      }),
    )
    if (hasReceiveLowWater()) for (const count of reads) expect(count).toBeLessThan(40)
  })
})
