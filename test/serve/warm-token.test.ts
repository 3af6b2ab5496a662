import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '../../src/base/log.ts'
import type { GatewayRequest } from '../../src/gateway/message.ts'
import { admitOrder, isWarmTokenWithdrawn, readWarmToken } from '../../src/serve/warm-token.ts'
import { thrownBy } from '../support/http/thrown-by.ts'

const folder = await mkdtemp(join(tmpdir(), 'dfhf-warm-token-'))
afterAll(() => rm(folder, { recursive: true }))
const token = 'correct-horse-battery-staple'
const [near, far] = ['127.0.0.1', '10.0.0.7']

function order(address: string, headers: Record<string, string> = {}): GatewayRequest {
  const { signal } = new AbortController()
  const body = (async function* () {})()
  return {
    method: 'POST',
    target: '/v1/warm',
    headers: new Headers(headers),
    body,
    address,
    localAddress: near,
    signal,
  }
}

/** The headers with which an order goes on, or the code of its refusal. */
function admitted(request: GatewayRequest, secret: string | undefined): unknown {
  try {
    return Object.fromEntries(admitOrder(request, secret === undefined ? [] : [secret]).headers)
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}

describe('an order', () => {
  test('of this machine needs no token, and keeps its own for the Hub', async () => {
    expect(admitted(order(near, { authorization: 'Bearer hf_x' }), token)).toEqual({
      authorization: 'Bearer hf_x',
    })
    expect(admitted(order(near), undefined)).toEqual({})
  })

  test('of another machine needs the token, in either header', async () => {
    expect(admitted(order(far), token)).toBe('unauthorized')
    expect(admitted(order(far, { 'x-dfhf-warm-token': `${token}x` }), token)).toBe('unauthorized')
    expect(admitted(order(far, { authorization: 'Bearer hf_x' }), token)).toBe('unauthorized')
    const both = { 'x-dfhf-warm-token': token, authorization: 'Bearer hf_x' }
    expect(admitted(order(far, both), token)).toEqual({ authorization: 'Bearer hf_x' })
  })

  test('of another machine may bring any of several tokens, and hands none of them on', () => {
    for (const secret of [token, 'the-one-before-it'])
      expect(
        admitOrder(order(far, { authorization: `Bearer ${secret}` }), [
          token,
          'the-one-before-it',
        ]).headers.has('authorization'),
      ).toBe(false)
  })

  test('never hands the token on to the Hub', async () => {
    for (const address of [near, far])
      expect(admitted(order(address, { authorization: `Bearer ${token}` }), token)).toEqual({})
  })

  test('of another machine is refused where no token is set, whatever it brings', async () => {
    for (const value of ['', 'undefined', token])
      expect(admitted(order(far, { 'x-dfhf-warm-token': value }), undefined)).toBe('unauthorized')
  })
})

test('a token file holds one word of some length', async () => {
  const path = join(folder, 'token')
  await writeFile(path, `${token}\n`, { mode: 0o600 })
  expect(await readWarmToken(path, silentLog)).toBe(token)
  for (const bad of ['short', '', 'two words are not one token', 'x'.repeat(5000)]) {
    await writeFile(path, bad)
    expect(await thrownBy(() => readWarmToken(path, silentLog))).toMatchObject({ code: 'usage' })
  }
  expect(await thrownBy(() => readWarmToken(join(folder, 'none'), silentLog))).toMatchObject({
    code: 'usage',
  })
})

test('a token is withdrawn where its file is empty or gone, not where it holds something else', async () => {
  const path = join(folder, 'withdrawn')
  const withdrawnBy = async (text: string) => {
    await writeFile(path, text)
    return isWarmTokenWithdrawn(path)
  }
  expect([await withdrawnBy(''), await withdrawnBy(' \n')]).toEqual([true, true])
  expect([await withdrawnBy('short'), await withdrawnBy('x'.repeat(5000))]).toEqual([false, false])
  expect([await isWarmTokenWithdrawn(join(folder, 'none')), await isWarmTokenWithdrawn(folder)]).toEqual([
    true,
    false,
  ])
})
