import { expect, test } from 'bun:test'
import { LineStream } from '../../src/serve/line-stream.ts'

test('lines wait for their reader, and their writer for room', async () => {
  let hasLeft = false
  const lines = new LineStream(() => {
    hasLeft = true
  })
  let pushed = 0
  const work = (async () => {
    for (; pushed < 1_000; pushed += 1) await lines.push({ pushed })
    lines.end()
  })()
  await Promise.resolve()
  let read = 0
  for await (const _ of lines) {
    read += 1
    if (read === 1) expect(pushed).toBeLessThan(300)
  }
  await work
  expect([read, hasLeft]).toEqual([1_000, false])
})
