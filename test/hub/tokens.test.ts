import { describe, expect, test } from 'bun:test'
import { decideToken, findToken, isSafeForToken, tokenRuleOf } from '../../src/hub/tokens.ts'

const files: Record<string, string> = {
  '/home/me/.cache/huggingface/token': 'from-home\n',
  '/xdg/huggingface/token': 'from-xdg',
  '/hf/token': 'from-hf-home',
  '/home/me/elsewhere': 'from-path',
}
const find = (env: Record<string, string>, explicit?: string) =>
  findToken({ explicit, env: { HOME: '/home/me', ...env }, readFile: (path) => files[path] })

describe('the token', () => {
  test.each<[Record<string, string>, string | undefined, string | undefined]>([
    [{ HF_TOKEN: 'a' }, 'explicit', 'explicit'],
    [{ HF_TOKEN: 'a', HUGGING_FACE_HUB_TOKEN: 'b' }, undefined, 'a'],
    [{ HF_TOKEN: '', HUGGING_FACE_HUB_TOKEN: 'b' }, '', 'b'],
    [{ HF_TOKEN: ' a\r\n' }, undefined, 'a'],
    [{}, undefined, 'from-home'],
    [{ XDG_CACHE_HOME: '/xdg' }, undefined, 'from-xdg'],
    [{ HF_HOME: '/hf', XDG_CACHE_HOME: '/xdg' }, undefined, 'from-hf-home'],
    [{ HF_TOKEN_PATH: '~/elsewhere', HF_HOME: '/hf' }, undefined, 'from-path'],
    [{ HF_TOKEN_PATH: '$HOME/elsewhere', HOME: '/home/me' }, undefined, 'from-path'],
    [{ HF_TOKEN_PATH: '/nowhere' }, undefined, undefined],
    [{ HF_HUB_DISABLE_IMPLICIT_TOKEN: 'yes', HF_TOKEN: 'a' }, undefined, undefined],
    [{ HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }, 'explicit', 'explicit'],
    [{ HF_HUB_DISABLE_IMPLICIT_TOKEN: '0', HF_TOKEN: 'a' }, undefined, 'a'],
  ])('with %j and --token %p is %p', (env, explicit, expected) => {
    expect(find(env, explicit)?.value).toBe(expected)
  })

  test('that cannot be a header is refused without being shown', () => {
    expect(() => find({ HF_TOKEN: 'hf_sec ret' })).toThrow(/^the token from HF_TOKEN holds characters/)
  })
})

describe('over plain http', () => {
  const found = { value: 'x', from: 'HF_TOKEN' }

  test('a token goes to this machine alone', () => {
    for (const endpoint of [
      'https://hub.test',
      'http://127.0.0.1:1',
      'http://localhost:1',
      'http://[::1]:1',
    ]) {
      expect(decideToken(found, endpoint)).toEqual({ token: found, withheld: undefined })
    }
    const kept = decideToken(found, 'http://hub.test:8080')
    expect(kept.token).toBeUndefined()
    expect(kept.withheld).toBe('the token from HF_TOKEN is not sent to hub.test:8080 over plain http')
  })

  test('a token goes to the one server that is trusted as well, and to no other port or host', () => {
    const rule = tokenRuleOf({}, { endpoint: 'http://10.0.0.7:65001/', isTrusted: true })
    const goesTo = (url: string) => isSafeForToken(new URL(url), rule)
    expect(goesTo('http://10.0.0.7:65001/api/models/o/r')).toBe(true)
    for (const url of ['http://10.0.0.7/', 'http://10.0.0.7:65002/', 'http://10.0.0.8:65001/'])
      expect([url, goesTo(url)]).toEqual([url, false])
    const plain = tokenRuleOf({}, { endpoint: 'http://10.0.0.7:65001', isTrusted: false })
    expect(isSafeForToken(new URL('http://10.0.0.7:65001/'), plain)).toBe(false)
  })

  test('a token that was given by hand is an error, unless it is allowed', () => {
    const explicit = { value: 'x', from: '--token' }
    expect(() => decideToken(explicit, 'http://hub.test')).toThrow('will not send the token to hub.test')
    expect(decideToken(explicit, 'http://hub.test', { allowPlainHttp: true }).token).toBe(explicit)
  })
})
