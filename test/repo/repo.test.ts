import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isRepoId, parseRepoName, type Repo, repoName, repoTypes } from '../../src/repo/repo.ts'

const part = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}[A-Za-z0-9_]$/)
const id = fc
  .oneof(
    part,
    fc.tuple(part, part).map((parts) => parts.join('/')),
  )
  .filter(isRepoId)

describe("a repo's name", () => {
  test('is read back as the repo that it was written for', () => {
    const repo = fc.record<Repo>({ type: fc.constantFrom(...repoTypes), id })
    fc.assert(fc.property(repo, (value) => expect(parseRepoName(repoName(value))).toEqual(value)))
  })

  test.each([
    '',
    '/',
    'datasets/',
    '../x',
    'a/b/c',
    'datasets/a/b/c',
    'org/name@main',
    'hf://org/name',
    'a b',
  ])('is not %j', (text) => {
    expect(() => parseRepoName(text)).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})
