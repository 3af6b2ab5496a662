import { DfhfError } from '../../src/base/errors.ts'
import { createProxyResolver } from '../../src/http/connect/proxy.ts'
import { readAuthorities, trustOptionsOf } from '../../src/http/connect/trust.ts'
import { createHttpClient } from '../../src/http/http-client.ts'

// Compiled by binary.test.ts: asks the URL `count` times at once and prints each answer's text or error code.
async function main([url = '', count = '1']: readonly string[]): Promise<void> {
  await using client = createHttpClient({
    connections: 2,
    headersTimeoutMs: 200,
    proxyFor: createProxyResolver(process.env),
    authorities: () => readAuthorities(trustOptionsOf(process.env)),
  })
  const ask = async () => {
    try {
      return await (await client.request({ url })).text(1000)
    } catch (error) {
      return error instanceof DfhfError ? error.code : String(error)
    }
  }
  const answers = await Promise.all(Array.from({ length: Number(count) }, ask))
  process.stdout.write(JSON.stringify(answers))
}

main(process.argv.slice(2))
