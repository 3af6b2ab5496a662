import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { DfhfError } from '../base/errors.ts'

/** Where authorities beside the built-in ones are found. */
export interface TrustOptions {
  /** NODE_EXTRA_CA_CERTS: a file of PEM certificates. */
  readonly extraFile?: string | undefined
  /** SSL_CERT_FILE: the same. */
  readonly certFile?: string | undefined
  /** SSL_CERT_DIR: folders of such files, separated by colons. */
  readonly certDir?: string | undefined
  /** The first of these that exists is the system's own store. @default where Linux systems keep it */
  readonly systemFiles?: readonly string[]
}

const linuxStores = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/** The certificate settings of an environment. */
export function trustOptionsOf(env: Readonly<Record<string, string | undefined>>): TrustOptions {
  return {
    extraFile: env.NODE_EXTRA_CA_CERTS || undefined,
    certFile: env.SSL_CERT_FILE || undefined,
    certDir: env.SSL_CERT_DIR || undefined,
  }
}

/**
 * Every authority to trust, as PEM: the built-in ones, the system's and the given ones, which add and never
 * replace. Throws `usage` when a file that was named cannot be read.
 */
export function readAuthorities(options: TrustOptions): readonly string[] {
  const authorities = new Set(rootCertificates)
  const add = (text: string | undefined) => {
    for (const certificate of certificatesIn(text ?? '')) authorities.add(certificate)
  }
  add(firstOf(options.systemFiles ?? linuxStores))
  add(readNamed(options.extraFile, 'NODE_EXTRA_CA_CERTS'))
  add(readNamed(options.certFile, 'SSL_CERT_FILE'))
  for (const folder of options.certDir?.split(':') ?? []) for (const text of readFolder(folder)) add(text)
  return [...authorities]
}

function certificatesIn(text: string): readonly string[] {
  return (
    text.match(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g) ?? []
  )
}

function firstOf(paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const text = read(path)
    if (text !== undefined) return text
  }
  return undefined
}

function readNamed(path: string | undefined, variable: string): string | undefined {
  if (path === undefined) return undefined
  const text = read(path)
  if (text !== undefined && certificatesIn(text).length > 0) return text
  const problem = text === undefined ? 'cannot be read' : 'holds no PEM certificate'
  throw new DfhfError('usage', `the file in ${variable} ${problem}: ${path}`, { hint: 'correct or unset it' })
}

/** A folder often holds every certificate twice, by name and by hash; the set takes care of that. */
function readFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.(?:pem|crt|cer|\d+)$/.test(name))
      .flatMap((name) => read(join(folder, name)) ?? [])
  } catch {
    return []
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
