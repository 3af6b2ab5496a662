import { describe, expect, test } from 'bun:test'
import { DfhfError } from '../../src/base/errors.ts'
import { parseRepoList } from '../../src/commands/repo-list.ts'

const parse = (text: string) =>
  parseRepoList(text, { name: 'models.txt', endpoint: 'https://huggingface.co' }).map(
    ({ repo, revision, selection: { include, exclude } }) => ({ ...repo, revision, include, exclude }),
  )

function refusal(text: string): string {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof DfhfError && error.code === 'usage') return `${error.message}; ${error.hint ?? ''}`
    throw error
  }
  throw new Error('nothing was refused')
}

const all = { revision: 'main', include: undefined, exclude: [] }

describe('a list in lines', () => {
  test('has a repo a line, with revision, patterns and patterns to leave out', () => {
    const text = [
      '# what the tests need',
      '',
      'org/model',
      '  datasets/org/data@v1.0   *.parquet data/  # two patterns',
      'org/other@refs/pr/1 !*.bin !*.h5',
      '\torg/both *.json !tokenizer.json\t',
    ].join('\n')
    expect(parse(text)).toEqual([
      { type: 'model', id: 'org/model', ...all },
      { type: 'dataset', id: 'org/data', revision: 'v1.0', include: ['*.parquet', 'data/'], exclude: [] },
      {
        type: 'model',
        id: 'org/other',
        revision: 'refs/pr/1',
        include: undefined,
        exclude: ['*.bin', '*.h5'],
      },
      { type: 'model', id: 'org/both', revision: 'main', include: ['*.json'], exclude: ['tokenizer.json'] },
    ])
  })

  test('may have any line ends and a byte order mark', () => {
    expect(parse('\ufefforg/a\r\norg/b\rorg/c')).toHaveLength(3)
  })

  test('takes every spelling of a repo; a file or a folder in it is a pattern', () => {
    expect(parse('hf://datasets/org/data@v1/a[1].txt\nhf://org/model/sub/')).toEqual([
      { type: 'dataset', id: 'org/data', revision: 'v1', include: ['a[[]1].txt'], exclude: [] },
      { type: 'model', id: 'org/model', revision: 'main', include: ['sub/**'], exclude: [] },
    ])
  })

  test('keeps a set of fnmatch that begins with an exclamation mark, and # inside a word', () => {
    expect(parse('org/a [!x]* a#b')).toEqual([
      { type: 'model', id: 'org/a', revision: 'main', include: ['[!x]*', 'a#b'], exclude: [] },
    ])
  })

  test('has what is written twice once', () => {
    expect(parse('org/a\norg/b\norg/a@main\norg/a *.json')).toHaveLength(3)
  })

  test.each([
    ['org/a\n\nnot/a/repo', 'models.txt:3: not a repo'],
    ['org/a\norg/b@../x', "models.txt:2: not a revision: '../x'"],
    ['org/a --exclude *.bin', "models.txt:1: '--exclude' is an option; write a pattern"],
    ["org/a '*.json'", 'has a quote'],
    ['org/a !"x"', 'has a quote'],
    ['org/a !', 'models.txt:1: a pattern is empty'],
    ['hf://org/a/file.txt *.json', 'models.txt:1: file names do not go together'],
    ['', 'models.txt names no repo'],
    ['# nothing\n', 'models.txt names no repo'],
    [
      Array.from({ length: 10_001 }, (_, index) => `org/m${index}`).join('\n'),
      'models.txt:10001: it is more than',
    ],
  ])('is refused with its line: %#', (text, message) => {
    expect(refusal(text)).toContain(message)
  })
})

describe('a list in JSON', () => {
  test('has objects, or texts as lines are', () => {
    const text = JSON.stringify([
      { repo: 'org/model' },
      { repo: 'org/data', type: 'dataset', revision: 'v1', include: ['a b.json'], exclude: '*.bin' },
      'datasets/org/other@v2 *.csv',
    ])
    expect(parse(text)).toEqual([
      { type: 'model', id: 'org/model', ...all },
      { type: 'dataset', id: 'org/data', revision: 'v1', include: ['a b.json'], exclude: ['*.bin'] },
      { type: 'dataset', id: 'org/other', revision: 'v2', include: ['*.csv'], exclude: [] },
    ])
  })

  test.each([
    ['[', 'models.txt is no JSON'],
    ['{"repo": "org/a"}', 'models.txt is no JSON array; write [{"repo"'],
    ['[]', 'names no repo'],
    ['[{"repo": "org/a"}, 7]', 'models.txt: entry 2: it is neither a text nor an object'],
    ['[{"repo": "org/a", "incldue": ["x"]}]', "models.txt: entry 1: unknown key 'incldue'"],
    ['[{}]', 'its repo is no text'],
    ['[{"repo": "org/a", "type": "thing"}]', "no such repo type: 'thing'"],
    ['[{"repo": "org/a", "revision": 1}]', 'its revision is no text'],
    ['[{"repo": "org/a", "include": [1]}]', 'include is neither a pattern nor'],
    ['[{"repo": "datasets/org/a", "type": "model"}]', 'is a dataset'],
    ['[{"repo": "org/a@v1", "revision": "v2"}]', 'names a revision'],
    ['[{"repo": "org/a", "include": [""]}]', 'a pattern is empty'],
  ])('is refused with its entry: %s', (text, message) => {
    expect(refusal(text)).toContain(message)
  })
})
