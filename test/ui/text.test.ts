import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { safeJson } from '../../src/base/safe-json.ts'
import { formatDuration } from '../../src/ui/duration.ts'
import { redact } from '../../src/ui/redact.ts'
import { safeText } from '../../src/ui/safe-text.ts'
import { padded, shortName } from '../../src/ui/short-name.ts'

describe('safe text', () => {
  test('leaves ordinary names alone, whatever their language', () => {
    for (const name of ['a b/c-d_e.bin', 'Übung/模型.safetensors', 'أوزان.bin', '🤗.json'])
      expect(safeText(name)).toBe(name)
  })

  test('shows escape sequences instead of obeying them', () => {
    expect(safeText('a\x1b[2Jb\r\n\x07\x9bc')).toBe('a\\x1b[2Jb\\x0d\\x0a\\x07\\x9bc')
  })

  test('shows characters that turn text around or hide it', () => {
    expect(safeText('gpj\u202etxt.exe')).toBe('gpj\\u{202e}txt.exe')
    expect(safeText('a\u200bb')).toBe('a\\u{200b}b')
  })

  test('shows what is not seen at all', () => {
    for (const character of ['\u061c', '\u00ad', '\u180e', '\ufff9', '\u{e0041}', '\u2028', '\x85'])
      expect(safeText(`a${character}b`)).toMatch(/^a\\(?:u\{[0-9a-f]+\}|x[0-9a-f]{2})b$/)
  })

  test('never lets a control character through', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/\p{Cc}/u.test(safeText(text))))
  })
})

describe('safe JSON', () => {
  test('is on one line, obeyed by no terminal, and read as the same value', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), (value) => {
        const text = safeJson(value)
        expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  test('writes what it hides as two units where it has two', () => {
    expect(safeJson('\u{e0041}\x9b')).toBe('"\\udb40\\udc41\\u009b"')
  })
})

describe('short names', () => {
  test('are left alone up to 40 columns', () => {
    expect(shortName('x'.repeat(40))).toBe('x'.repeat(40))
  })

  test('keep the end of a longer name behind (…)', () => {
    expect(shortName(`${'a'.repeat(50)}/model.bin`)).toBe(`(…)${'a'.repeat(27)}/model.bin`)
  })

  test('count wide characters twice', () => {
    expect(Bun.stringWidth(shortName('模'.repeat(50)))).toBeLessThanOrEqual(40)
    expect(padded('模', 4)).toBe('模  ')
  })
})

test('durations read as people say them', () => {
  const shown = [0, 850, 3210, 9949, 12_400, 59_400, 65_000, 3_599_400, 7_380_000, 360_000_000].map(
    formatDuration,
  )
  expect(shown).toEqual([
    '0 ms',
    '850 ms',
    '3.2 s',
    '9.9 s',
    '12 s',
    '59 s',
    '1m05s',
    '59m59s',
    '2h03m',
    '4d04h',
  ])
})

describe('redacting', () => {
  test('takes out tokens, whether known or by their shape', () => {
    expect(redact('token hf_AbCdEfGhIjKl refused')).toBe('token [secret] refused')
    expect(redact('sent s3cr3t-thing', ['s3cr3t-thing'])).toBe('sent [secret]')
    expect(redact('authorization: Bearer abc.def-ghi')).toBe('authorization: Bearer [secret]')
  })

  test('takes credentials and signed queries out of URLs', () => {
    expect(redact('http://user:pw@proxy:3128 refused')).toBe('http://[secret]@proxy:3128 refused')
    expect(redact('GET https://cdn/x?Expires=1&Signature=abc&Key-Pair-Id=K: 403')).toBe(
      'GET https://cdn/x?[secret] 403',
    )
    expect(redact('GET https://hub/api?recursive=true')).toBe('GET https://hub/api?recursive=true')
  })
})
