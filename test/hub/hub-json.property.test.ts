import { afterAll, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { DfhfError } from '../../src/base/errors.ts'
import { isCommit, isOid } from '../../src/blob/oid.ts'
import { UnusableNameError } from '../../src/repo/file-errors.ts'
import { isInside, joinSafe } from '../../src/storage/files/safe-path.ts'
import { clientOf, varied } from './hub-fixture.ts'
import { listedFiles } from './listed-files.ts'

interface Answer {
  readonly status: number
  readonly body: Uint8Array
  readonly headers: Record<string, string>
}

/** What the Hub answers from now on, first things first; the last one again and again. */
let answers: readonly Answer[] = []
let asked = 0
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch() {
    const answer = answers[Math.min(asked, answers.length - 1)]
    asked += 1
    return new Response(answer?.body ?? '', { status: answer?.status ?? 404, headers: answer?.headers ?? {} })
  },
})
const client = clientOf(`http://127.0.0.1:${server.port}`, { retry: { retries: 1, wait: async () => {} } })
afterAll(async () => {
  await client[Symbol.asyncDispose]()
  await server.stop(true)
})

const commit = 'c'.repeat(40)
const file = {
  type: 'file',
  path: 'a/b.json',
  size: 5,
  oid: '1'.repeat(40),
  lfs: { oid: '2'.repeat(64), size: 7, pointerSize: 134 },
  xetHash: '3'.repeat(64),
}
const info = {
  id: 'o/r',
  sha: commit,
  private: true,
  gated: 'auto',
  disabled: false,
  siblings: [{ rfilename: 'x' }],
}

/** An object that is nearly right. */
function near(value: object): fc.Arbitrary<object> {
  const changes = fc.dictionary(fc.constantFrom(...Object.keys(value), '__proto__'), fc.jsonValue(), {
    maxKeys: 2,
  })
  return changes.map((changed) => ({ ...value, ...changed }))
}

const files = fc.oneof({ weight: 3, arbitrary: fc.constant<object>(file) }, near(file))
const texts = fc.oneof(
  { weight: 4, arbitrary: fc.array(files, { maxLength: 4 }).map((list) => JSON.stringify(list)) },
  { weight: 2, arbitrary: near(info).map((value) => JSON.stringify(value)) },
  fc.json(),
  fc.string(),
)
function seldom<T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: values })
}

/** A text whole, cut, or with a byte changed, and then packed or not, truly or not. */
const bodies = fc
  .record({
    text: texts,
    cut: seldom(fc.nat(200)),
    flip: seldom(fc.tuple(fc.nat(200), fc.nat(255))),
    isPacked: fc.boolean(),
  })
  .map(({ text, cut, flip, isPacked }) => {
    const plain = Buffer.from(text).subarray(0, cut)
    const body = isPacked ? gzipSync(plain) : Buffer.from(plain)
    if (flip && body.length > 0) body[flip[0] % body.length] = flip[1]
    return { body, isPacked }
  })
const oddLinks = fc.constantFrom(
  '</next?cursor=1>; rel="next"',
  `<http://127.0.0.1:${server.port}/next?cursor=2>; rel=next`,
  '<http://elsewhere.example/next>; rel="next"',
  '<<<>; rel="next", <>;;; rel=next',
  '<http://[>; rel="next"',
)
// Most answers are the last page, or hardly a list would come to its end.
const links = fc.oneof({ weight: 3, arbitrary: fc.constant('') }, oddLinks)
const answer: fc.Arbitrary<Answer> = fc
  .record({
    status: fc.constantFrom(200, 200, 200, 200, 302, 404, 500),
    packed: bodies,
    link: links,
    isHonest: seldom(fc.constant(false)).map((value) => value ?? true),
  })
  .map(({ status, packed, link, isHonest }) => ({
    status,
    body: packed.body,
    headers: {
      ...(packed.isPacked === isHonest && { 'content-encoding': 'gzip' }),
      ...(link !== '' && { link }),
    },
  }))

/** Runs a question against the answers; throws what is no error of dfhf. */
async function ask<T>(given: readonly Answer[], question: () => Promise<T>): Promise<T | undefined> {
  answers = given
  asked = 0
  try {
    return await question()
  } catch (error) {
    if (error instanceof DfhfError && error.code !== 'unexpected') return undefined
    throw error
  }
}

/** Names come as the Hub wrote them; those that lead out of their folder are refused where they would be put. */
function staysInside(path: string): boolean {
  try {
    return isInside('/root/of/all', joinSafe('/root/of/all', path))
  } catch (error) {
    return error instanceof UnusableNameError
  }
}

/** What a Hub in good order answers. */
function proper(value: object): Answer {
  return { status: 200, body: Buffer.from(JSON.stringify(value)), headers: {} }
}

const given = fc.array(answer, { minLength: 1, maxLength: 3 })

test('whatever the Hub answers, a list of files has proper files or ends in an error of dfhf', async () => {
  let listed = 0
  await fc.assert(
    fc.asyncProperty(given, async (list) => {
      const tree = await ask(list, () => listedFiles(client, varied, commit))
      const found = await ask(list, () => client.pathsInfo(varied, commit, [file.path]))
      for (const { path, size, oid } of [...(tree ?? []), ...(found ?? [])]) {
        listed += 1
        expect([staysInside(path), Number.isSafeInteger(size) && size >= 0, isOid(oid)]).toEqual([
          true,
          true,
          true,
        ])
      }
    }),
    { numRuns: 400, examples: [[[proper([file])]]] },
  )
  expect(listed).toBeGreaterThan(0)
}, 60_000)

test('whatever the Hub answers, what is said of a repo is proper or ends in an error of dfhf', async () => {
  let heard = 0
  await fc.assert(
    fc.asyncProperty(given, async (list) => {
      const found = await ask(list, () => client.resolveRevision(varied, 'main'))
      if (found) {
        heard += 1
        expect([isCommit(found.commit), typeof found.id, typeof found.isPrivate]).toEqual([
          true,
          'string',
          'boolean',
        ])
      }
    }),
    { numRuns: 400, examples: [[[proper(info)]]] },
  )
  expect(heard).toBeGreaterThan(0)
}, 60_000)

test('a repo that is private is so also where its description is long and its names are escaped', async () => {
  const siblings = Array.from({ length: 10_000 }, (_, index) => ({ rfilename: `"private":false,${index}` }))
  const text = JSON.stringify({ ...info, siblings }).replace('"private":true', '"priv\\u0061te" : true')
  expect(text).toContain('u0061')
  const said = await ask([{ status: 200, body: Buffer.from(text), headers: {} }], () =>
    client.resolveRevision(varied, 'main'),
  )
  expect(said).toMatchObject({ commit, isPrivate: true, isGated: true })
})
