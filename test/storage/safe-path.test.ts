import { describe, expect, test } from 'bun:test'
import { posix, resolve, win32 } from 'node:path'
import fc from 'fast-check'
import { DfhfError } from '../../src/base/errors.ts'
import { isInside, joinSafe, splitSafePath, windowsFlawOf } from '../../src/storage/files/safe-path.ts'

const hostile = [
  '',
  '/',
  '/etc/passwd',
  '..',
  '../x',
  'a/../x',
  'a/..',
  'a\\..\\x',
  '..\\x',
  'a/b\\..',
  '.',
  './a',
  'a//b',
  'a/',
  'a\0b',
]

/** Plain names here that Windows takes for something else. */
const plainButOnWindows = [
  'C:\\x',
  'c:x',
  'a:b',
  'a/D:x',
  '\\\\host\\share',
  'a/\\\\host\\share',
  '\\x',
  '.. /x',
  '...',
  'Icon\r',
  'a\tb',
  'end.',
  'aux.txt',
]

describe('a path from the Hub', () => {
  test.each(hostile)('is refused when it could leave its root: %j', (path) => {
    expect(() => splitSafePath(path)).toThrow(expect.objectContaining({ code: 'bad-response' }))
  })

  test.each(['config.json', 'a/b/c.bin', '.gitattributes', 'a b/ü/日本.txt', '..a', 'a..', 'x/.b/..c'])(
    'is taken when it is plain: %j',
    (path) => {
      expect(splitSafePath(path).join('/')).toBe(path)
    },
  )

  test.skipIf(process.platform === 'win32').each([...plainButOnWindows, 'a\u007fb'])(
    'is taken where it can be stored: %j',
    (path) => {
      expect(splitSafePath(path).join('/')).toBe(path)
    },
  )

  test.each(plainButOnWindows)('has a flaw on Windows: %j', (path) => {
    expect(windowsFlawOf(path)).toBeString()
  })

  test('is refused as a disk problem when a name is longer than file systems take', () => {
    expect(() => splitSafePath(`a/${'x'.repeat(300)}`)).toThrow(expect.objectContaining({ code: 'disk' }))
    expect(() => splitSafePath('ü'.repeat(128))).toThrow(expect.objectContaining({ code: 'disk' }))
    expect(splitSafePath('x'.repeat(255))).toHaveLength(1)
  })

  test('stays inside its root under POSIX and Windows rules, or is refused', () => {
    const nasty = fc.oneof(
      fc.constantFrom('..', '.', '/', '\\', 'C:', '\0', '', ' ', 'a', '...', '//', '..\\', 'NUL'),
      fc.string({ maxLength: 6, unit: 'binary' }),
    )
    fc.assert(
      fc.property(fc.array(nasty, { maxLength: 6 }), fc.constantFrom('', '/', '\\'), (parts, glue) => {
        const path = parts.join(glue)
        try {
          const joined = joinSafe('/root', path)
          expect(isInside('/root', resolve(joined))).toBe(true)
          expect(resolve(joined)).not.toBe('/root')
          expect(posix.normalize(path)).toBe(path)
          if (windowsFlawOf(path) === undefined)
            expect(win32.resolve('X:\\root', path)).toStartWith('X:\\root\\')
        } catch (error) {
          if (!(error instanceof DfhfError)) throw error
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('is not taken to be inside a folder whose name only begins alike', () => {
    expect(isInside('/root', '/root2/x')).toBe(false)
    expect(isInside('/', '/x')).toBe(true)
  })
})

test.if(process.platform === 'linux')('a path that no system opens is refused where it would be put', () => {
  const path = `${'d'.repeat(200)}/`.repeat(20).slice(0, -1)
  expect(() => joinSafe('/', path)).toThrow('too long')
  expect(joinSafe('/', path.slice(0, 3_800))).toBe(`/${path.slice(0, 3_800)}`)
})
