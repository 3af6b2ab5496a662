import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { parseRepo } from '../../src/hub/parse-repo.ts'
import { parseRepoType, pluralOf, type RepoReference, repoTypes } from '../../src/repo/repo.ts'
import { thrownBy } from '../support/http/thrown-by.ts'

const model = (id: string, rest: Partial<RepoReference> = {}): RepoReference => ({
  type: 'model',
  id,
  ...rest,
})
const dataset = (id: string, rest: Partial<RepoReference> = {}): RepoReference => ({
  type: 'dataset',
  id,
  ...rest,
})

describe('a repo', () => {
  test('of any length is refused in time that grows with it alone', async () => {
    const slashes = '/'.repeat(2 ** 20)
    for (const text of [
      `hf://${slashes}x`,
      `hf://a/b${slashes}`,
      `https://huggingface.co/${slashes}x`,
      'x'.repeat(2 ** 20),
    ])
      expect(await thrownBy(() => parseRepo(text)), text.slice(0, 30)).toMatchObject({ code: 'usage' })
    expect(parseRepo(`hf://org/name${'/'.repeat(1_000)}`)).toEqual(model('org/name'))
  })

  test.each<[string, RepoReference]>([
    ['gpt2', model('gpt2')],
    ['org/name', model('org/name')],
    [' org/name ', model('org/name')],
    ['models/org/name', model('org/name')],
    ['datasets/org/name', dataset('org/name')],
    ['datasets/squad', dataset('squad')],
    ['spaces/org/name', { type: 'space', id: 'org/name' }],
    ['kernels/org/name', { type: 'kernel', id: 'org/name' }],
    ['org/name@v1.0', model('org/name', { revision: 'v1.0' })],
    ['org/name@feature/new-head', model('org/name', { revision: 'feature/new-head' })],
    ['datasets/org/name@refs/convert/parquet', dataset('org/name', { revision: 'refs/convert/parquet' })],
    ['hf://org/name', model('org/name')],
    ['hf://org/name/', model('org/name')],
    ['hf://gpt2', model('gpt2')],
    ['hf://gpt2@main/config.json', model('gpt2', { revision: 'main', path: 'config.json' })],
    ['hf://datasets/org/name/a/b.csv', dataset('org/name', { path: 'a/b.csv' })],
    ['hf://models/org/name@main/x.bin', model('org/name', { revision: 'main', path: 'x.bin' })],
    ['hf://org/name@refs/pr/12/x/y', model('org/name', { revision: 'refs/pr/12', path: 'x/y' })],
    [
      'hf://org/name@refs/convert/parquet-v2/x',
      model('org/name', { revision: 'refs/convert/parquet-v2', path: 'x' }),
    ],
    ['hf://org/name@feature%2Fx/y', model('org/name', { revision: 'feature/x', path: 'y' })],
    ['hf://org/name/mail@home.txt', model('org/name', { path: 'mail@home.txt' })],
    ['https://huggingface.co/org/name', model('org/name')],
    ['https://huggingface.co/gpt2/', model('gpt2')],
    ['https://hf.co/datasets/org/name', dataset('org/name')],
    ['huggingface.co/org/name', model('org/name')],
    ['https://huggingface.co/org/name/tree/main', model('org/name', { revision: 'main' })],
    ['https://huggingface.co/org/name/tree/refs%2Fpr%2F1', model('org/name', { revision: 'refs/pr/1' })],
    [
      'https://huggingface.co/org/name/tree/refs/pr/1/sub',
      model('org/name', { revision: 'refs/pr/1', path: 'sub/' }),
    ],
    [
      'https://huggingface.co/datasets/org/name/resolve/main/a%20b/c.csv?download=true',
      dataset('org/name', { revision: 'main', path: 'a b/c.csv' }),
    ],
    [
      'https://huggingface.co/gpt2/blob/main/config.json#L3',
      model('gpt2', { revision: 'main', path: 'config.json' }),
    ],
    ['http://mirror.test:8080/hub/org/name/raw/v1/x', model('org/name', { revision: 'v1', path: 'x' })],
  ])('written %s is understood', (text, expected) => {
    expect(parseRepo(text, { endpoint: 'http://mirror.test:8080/hub' })).toEqual(expected)
  })

  test.each([
    '',
    'a/b/c',
    '-org/name',
    'org/name-',
    'org/na--me',
    'org/na..me',
    'org/name.git',
    'org/na me',
    `org/${'x'.repeat(97)}`,
    '../name',
    'org/name@',
    'org/name@a/../b',
    'org/name@a b',
    'hf://',
    'hf://org/name/a/../b',
    'hf://org/name//x',
    'hf://buckets/org/name',
    'buckets/org/name',
    'https://huggingface.co/',
    'https://huggingface.co/org/name/discussions/1',
    'https://example.com/org/name',
    'dataset/org/name',
    'https://',
  ])('written %p is refused with a hint', async (text) => {
    const error = await thrownBy(() => parseRepo(text))
    expect(error).toMatchObject({ code: 'usage', hint: expect.any(String) })
  })

  test('takes the type that was chosen apart from it, unless it says another', () => {
    expect(parseRepo('org/name', { type: 'dataset' })).toEqual(dataset('org/name'))
    expect(parseRepo('datasets/org/name', { type: 'dataset' })).toEqual(dataset('org/name'))
    expect(() => parseRepo('datasets/org/name', { type: 'space' })).toThrow('is a dataset, not a space')
    expect(() => parseRepo('models/org/name', { type: 'space' })).toThrow('is a model, not a space')
  })

  /** The shortest spelling of a reference; `hf://` where there is a path, in which a revision's slashes are escaped. */
  function spell({ type, id, revision, path }: RepoReference): string {
    const escaped = revision?.replaceAll('%', '%25')
    if (path === undefined)
      return `${type === 'model' ? '' : `${pluralOf(type)}/`}${id}${escaped === undefined ? '' : `@${escaped}`}`
    const isWhole = /^refs\/(?:convert\/[\w.-]+|pr\/\d+)$/.test(revision ?? '')
    const written = isWhole ? revision : escaped?.replaceAll('/', '%2F')
    return `hf://${pluralOf(type)}/${id}${written === undefined ? '' : `@${written}`}/${path}`
  }

  test('printed and parsed again is the same', () => {
    const part = fc.stringMatching(/^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,20}[A-Za-z0-9_])?$/)
    const id = fc
      .tuple(part, part)
      .map((parts) => parts.join('/'))
      .filter((text) => !/--|\.\.|\.git$/.test(text))
      .filter((text) => !/^(models?|datasets?|spaces?|kernels?|buckets|hf\.co)\//.test(text))
    const segment = fc.stringMatching(/^[\w%@#+&=é日-][\w%@#+&=. é日-]{0,10}$/)
    const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/').trimEnd())
    const branch = fc.array(fc.stringMatching(/^[\w%@#+.-]{0,5}\w$/), { minLength: 1, maxLength: 3 })
    const revision = fc.oneof(
      branch.map((parts) => parts.join('/')),
      fc.constantFrom('refs/pr/1', 'refs/convert/parquet', 'main'),
    )
    const reference = fc.record(
      { type: fc.constantFrom(...repoTypes), id, revision, path },
      { requiredKeys: ['type', 'id'] },
    )
    fc.assert(fc.property(reference, (value) => expect(parseRepo(spell(value))).toEqual(value)))
  })
})

test('a repo type is taken in both numbers', () => {
  expect(parseRepoType('datasets')).toBe('dataset')
  expect(parseRepoType('model')).toBe('model')
  expect(() => parseRepoType('bucket')).toThrow("no such repo type: 'bucket'")
})
