import { expect, test } from 'bun:test'
import { readBody } from '../../src/gateway/request-body.ts'

const MB = 2 ** 20

/** A request whose body comes in pieces of a megabyte; it counts those that were read. */
function request(size: number, length?: number) {
  const read = { pieces: 0 }
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < size; at += MB) {
      read.pieces += 1
      yield new Uint8Array(Math.min(MB, size - at)).fill(7)
    }
  }
  const headers = new Headers(length === undefined ? {} : { 'content-length': String(length) })
  return { read, body: body(), headers }
}

test('a body is read whole', async () => {
  using body = await readBody(request(2.5 * MB), 3 * MB)
  expect(body.bytes.length).toBe(2.5 * MB)
  expect(body.bytes.every((byte) => byte === 7)).toBe(true)
})

test('one that is larger than allowed is read no further, and not at all where it says so', async () => {
  const silent = request(90 * MB)
  await expect(readBody(silent, 3 * MB)).rejects.toMatchObject({ code: 'usage' })
  expect(silent.read.pieces).toBe(4)
  const frank = request(90 * MB, 90 * MB)
  await expect(readBody(frank, 3 * MB)).rejects.toMatchObject({ code: 'usage' })
  expect(frank.read.pieces).toBe(0)
})

test('all that are held at once have a bound, and each gives its room back', async () => {
  for (let round = 0; round < 3; round += 1) {
    using first = await readBody(request(60 * MB), 64 * MB)
    const second = request(60 * MB)
    await expect(readBody(second, 64 * MB)).rejects.toMatchObject({ code: 'rate-limited', retryable: true })
    expect(second.read.pieces).toBeLessThan(60)
    using small = await readBody(request(MB), 64 * MB)
    expect([first.bytes.length, small.bytes.length]).toEqual([60 * MB, MB])
  }
})
