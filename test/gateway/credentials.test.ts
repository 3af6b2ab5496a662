import { expect, test } from 'bun:test'
import { credentialsOf } from '../../src/gateway/access/credentials.ts'

test('a client is known by a digest of what it sends, and its token is found in Bearer and Basic', () => {
  const bearer = credentialsOf(new Headers({ authorization: 'Bearer hf_x' }))
  const basic = credentialsOf(new Headers({ authorization: `Basic ${btoa('user:hf_x')}` }))
  expect([bearer.token, basic.token]).toEqual(['hf_x', 'hf_x'])
  expect(bearer.key).not.toContain('hf_x')
  expect(credentialsOf(new Headers()).key).toBe('anonymous')
})
