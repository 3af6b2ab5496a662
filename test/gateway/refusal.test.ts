import { expect, test } from 'bun:test'
import { errorTable, isErrorCode } from '../../src/base/error-table.ts'
import { DfhfError } from '../../src/base/errors.ts'
import { refusalOf, refusalWithCode } from '../../src/gateway/refusal.ts'
import { lineOf } from '../../src/gateway/relayed-headers.ts'

test('tells each failure by its status', () => {
  const codes = Object.keys(errorTable).filter(isErrorCode)
  const statuses = Object.groupBy(codes, (code) => refusalOf(new DfhfError(code, 'x')).status)
  expect({ ...statuses }).toEqual({
    400: ['usage'],
    401: ['unauthorized'],
    403: ['gated', 'forbidden'],
    404: ['repo-not-found', 'revision-not-found', 'file-not-found'],
    429: ['rate-limited'],
    500: ['unexpected'],
    502: [
      'not-cached',
      'verification-failed',
      'bad-response',
      'network',
      'hub-error',
      'no-source',
      'disk',
      'interrupted',
    ],
    504: ['timeout'],
    507: ['disk-full'],
  })
})

test("gives the message, the hint and the Hub's own code in headers", () => {
  const { headers } = refusalOf(new DfhfError('gated', 'o/r is gated', { hint: 'accept its licence' }))
  expect(lineOf(headers, 'x-error-code')).toBe('GatedRepo')
  expect(lineOf(headers, 'x-error-message')).toBe('o/r is gated: accept its licence')
  expect(lineOf(refusalOf(new DfhfError('unauthorized', 'x')).headers, 'x-error-code')).toBeUndefined()
})

test('says how long to wait, in whole seconds', () => {
  const { headers } = refusalOf(new DfhfError('rate-limited', 'x', { retryAfterMs: 1_200 }))
  expect(lineOf(headers, 'retry-after')).toBe('2')
})

test('tells nothing of a fault of its own', () => {
  const reply = refusalOf(new TypeError('secret'))
  expect(reply.status).toBe(500)
  expect(JSON.stringify(reply.headers)).not.toContain('secret')
})

test('tells another dfhf the code as well', async () => {
  const { body } = refusalWithCode(new DfhfError('no-source', 'x', { hint: 'y' }))
  expect(JSON.parse(new TextDecoder().decode(body as Uint8Array))).toEqual({
    error: 'x',
    code: 'no-source',
    hint: 'y',
  })
})
