import { describe, expect, test } from 'bun:test'
import { DfhfError } from '../../src/base/errors.ts'
import { OwnNames } from '../../src/gateway/access/own-names.ts'
import { isFromWebPage } from '../../src/gateway/access/web-page.ts'

const addresses = () => ['127.0.0.1', '10.1.2.3', 'fe80::1', '::1']

function own(names: readonly string[] = [], listenHost: string | undefined = '127.0.0.1'): OwnNames {
  return new OwnNames({ listenHost, names, addresses })
}

describe('a gateway takes for its own name', () => {
  for (const host of [
    '127.0.0.1:65001',
    '127.0.0.1',
    'localhost:8080',
    'LOCALHOST',
    'localhost.',
    'x.localhost:1',
    '[::1]:65001',
    '[0:0:0:0:0:0:0:1]',
    '127.1.2.3',
    '10.1.2.3:65001',
    '[fe80::1]:65001',
    '192.0.2.7:65001',
    'node.example:65001',
    'NODE.EXAMPLE',
  ])
    test(host, () => expect(own(['node.example:1']).isOwn(host, '192.0.2.7')).toBe(true))

  test('all addresses, where it listens on all', () => {
    const wide = new OwnNames({ listenHost: undefined, names: [], addresses })
    for (const host of ['0.0.0.0:65001', '[::]:65001']) {
      expect(wide.isOwn(host, '10.1.2.3')).toBe(true)
      expect(own().isOwn(host, '127.0.0.1')).toBe(false)
    }
  })
})

describe('a gateway does not take for its own name', () => {
  for (const host of [
    null,
    '',
    'evil.example',
    'evil.example:65001',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.example@127.0.0.1',
    '127.0.0.1/evil',
    '127.0.0.1, evil.example',
    'evil.example, 127.0.0.1',
    '127.0.0.1:65001:1',
    '10.1.2.4',
    '[2001:db8::1]',
    'huggingface.co',
    'a\tb',
    '[::1',
    'xn--localhost',
    'other.node.example',
  ])
    test(String(host), () => expect(own(['node.example']).isOwn(host, '127.0.0.1')).toBe(false))

  test('one that is misspelt in the options, but says so', () => {
    expect(() => own(['http://node'])).toThrow(DfhfError)
  })
})

describe('a request is a web page’s', () => {
  const marks = {
    'Sec-Fetch-Site: cross-site': true,
    'Sec-Fetch-Site: same-site': true,
    'Sec-Fetch-Site: same-origin': true,
    'Sec-Fetch-Site: none': false,
    'Origin: http://evil.example': true,
    'Origin: null': true,
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0': true,
    'User-Agent: curl/8.5.0': false,
    'User-Agent: unknown/None; hf_hub/1.33.0; python/3.12.3': false,
    'Sec-Fetch-Mode: cors': false,
  }
  for (const [mark, isPages] of Object.entries(marks))
    test(`${mark}: ${isPages}`, () => {
      const [name = '', value = ''] = mark.split(/: /, 2)
      expect(isFromWebPage(new Headers([[name, value]]))).toBe(isPages)
    })
})
