import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeCertificate } from '../../test/support/hub/certificate.ts'
import type { HubProcess } from '../../test/support/hub/hub-process.ts'
import { freePort, startNginx } from './nginx.ts'

/** What sends the bytes: the Hub's own process, or nginx, in clear or by TLS. */
export type Sender = 'hub' | 'nginx' | 'nginx by TLS'

/** An nginx before the Hub and in place of its CDN; ends when disposed. */
export interface HubFront extends AsyncDisposable {
  readonly url: string
  /** The made certificate that clients have to trust. */
  readonly caFile?: string
}

/** Starts it; `blobs` has the files by their oid, and takes the certificate. */
export async function startFront(
  hub: HubProcess,
  blobs: string,
  { byTls }: { readonly byTls: boolean },
): Promise<HubFront> {
  const scheme = byTls ? 'https' : 'http'
  const [hubPort, cdnPort] = [freePort(), freePort()]
  const caFile = join(blobs, 'certificate.pem')
  const keyFile = join(blobs, 'key.pem')
  if (byTls) {
    const { cert, key } = makeCertificate()
    writeFileSync(caFile, cert)
    writeFileSync(keyFile, key)
  }
  const [listen, certificate] = byTls
    ? ['ssl', `ssl_certificate ${caFile}; ssl_certificate_key ${keyFile};`]
    : ['', '']
  const nginx = await startNginx(
    `server { listen 127.0.0.1:${hubPort} ${listen}; ${certificate}
       location / {
         proxy_pass ${hub.url}; proxy_http_version 1.1; proxy_set_header Connection "";
         proxy_redirect ${hub.cdnUrl}/ ${scheme}://127.0.0.1:${cdnPort}/;
       } }
     server { listen 127.0.0.1:${cdnPort} ${listen}; ${certificate} root ${blobs};
       location ~ "/([0-9a-f]{64})$" { try_files /$1 =404; } }`,
    [hubPort, cdnPort],
  )
  return {
    url: `${scheme}://127.0.0.1:${hubPort}`,
    ...(byTls && { caFile }),
    [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose](),
  }
}
