import { expect, test } from 'bun:test'
import { createHttpClient } from '../../src/http/http-client.ts'
import { startRawServer } from '../support/http/raw-server.ts'

const body = Buffer.alloc(200_000, 7)
const heads = {
  'with its length': `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`,
  'without a length': 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n',
  'cut short': 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n',
} as const

test.each(Object.entries(heads))(
  'a server that closes while the reader holds it back harms nothing: a body %s',
  async (what, head) => {
    await using server = await startRawServer(
      (socket) => void socket.end(Buffer.concat([Buffer.from(head), body])),
    )
    await using http = createHttpClient()
    for (let round = 0; round < 5; round += 1) {
      const response = await http.request({ url: server.url })
      // All of it comes and is held back, and the other side is gone, before the first byte is taken.
      await Bun.sleep(50)
      let got = 0
      const reading = (async () => {
        for await (const chunk of response.body) got += chunk.length
      })()
      const isBroken = await reading.then(
        () => false,
        () => true,
      )
      expect([what, got, isBroken]).toEqual([what, body.length, what === 'cut short'])
    }
  },
)
