import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A self-signed certificate for the loopback names and others (`IP:…`, `DNS:…`); needs openssl. */
export function makeCertificate(others: readonly string[] = []): {
  readonly cert: string
  readonly key: string
} {
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-certificate-'))
  try {
    const own = ['IP:127.0.0.1', 'IP:127.0.0.2', 'DNS:localhost', 'DNS:huggingface.co']
    const names = `subjectAltName=${[...own, ...others].join()}`
    const made = Bun.spawnSync(
      // biome-ignore format: one option a line would be twenty lines
      ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
       '-subj', '/CN=test hub', '-addext', names, '-keyout', 'key.pem', '-out', 'cert.pem'],
      { cwd: folder, stderr: 'pipe' },
    )
    if (!made.success) throw new Error(`openssl: ${made.stderr.toString()}`)
    return {
      cert: readFileSync(join(folder, 'cert.pem'), 'utf8'),
      key: readFileSync(join(folder, 'key.pem'), 'utf8'),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
