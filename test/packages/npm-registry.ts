import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runProcess } from '../support/python/run-process.ts'

/** A registry that has the npm packages of a folder and nothing else. */
export interface NpmRegistry extends AsyncDisposable {
  readonly url: string
}

/** Serves every .tgz of a folder as npm's registry would. */
export async function startNpmRegistry(folder: string): Promise<NpmRegistry> {
  const documents = new Map<string, object>()
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch({ url }) {
      const name = decodeURIComponent(new URL(url).pathname.slice(1))
      if (name.endsWith('.tgz')) return new Response(Bun.file(join(folder, name)))
      const document = documents.get(name)
      return document ? Response.json(document) : new Response('no such package', { status: 404 })
    },
  })
  const url = `http://127.0.0.1:${server.port}`
  for (const file of readdirSync(folder).filter((each) => each.endsWith('.tgz'))) {
    const { stdout } = await runProcess(['tar', '-xOf', join(folder, file), 'package/package.json'])
    const manifest = JSON.parse(stdout) as { readonly name: string; readonly version: string }
    const digest = createHash('sha512')
      .update(readFileSync(join(folder, file)))
      .digest('base64')
    const dist = { tarball: `${url}/${file}`, integrity: `sha512-${digest}` }
    documents.set(manifest.name, {
      name: manifest.name,
      'dist-tags': { latest: manifest.version },
      versions: { [manifest.version]: { ...manifest, dist } },
    })
  }
  return { url, [Symbol.asyncDispose]: () => server.stop(true) }
}
