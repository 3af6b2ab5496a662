import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { parseOid } from '../../src/blob/oid.ts'
import { checkedStream, primeStream } from '../../src/gateway/checked-stream.ts'

const bytes = Buffer.from('first second last')
const oid = parseOid(createHash('sha256').update(bytes).digest('hex'))

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  for (const word of text.split(/(?<= )/)) yield Buffer.from(word)
}

/** What came before the stream ended, and the error that it ended in. */
async function drain(stream: AsyncIterable<Uint8Array>): Promise<readonly [string, unknown]> {
  let text = ''
  try {
    for await (const chunk of stream) text += Buffer.from(chunk).toString()
  } catch (error) {
    return [text, error]
  }
  return [text, undefined]
}

test('a stream of the right bytes passes whole', async () => {
  expect(await drain(checkedStream(chunksOf(bytes.toString()), oid, bytes.length))).toEqual([
    bytes.toString(),
    undefined,
  ])
})

test('a stream of wrong bytes is never completed', async () => {
  for (const wrong of ['first second lost', 'First second last', 'first second ']) {
    const [text, error] = await drain(checkedStream(chunksOf(wrong), oid, bytes.length))
    expect(error).toMatchObject({ code: 'verification-failed' })
    expect(text.length).toBeLessThan(wrong.length)
  }
})

test('what fails before the first bytes fails before the answer begins', async () => {
  const failing = checkedStream(chunksOf('x'), oid, bytes.length)
  await expect(primeStream(failing)).rejects.toMatchObject({ code: 'verification-failed' })
  expect(await drain(await primeStream(chunksOf('a b c')))).toEqual(['a b c', undefined])
})
