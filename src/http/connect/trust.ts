import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { getCACertificates, rootCertificates } from 'node:tls'
import { DfhfError } from '../../base/errors.ts'

/** Where to find authorities beside the built-in ones. */
export interface TrustOptions {
  /** Files of PEM certificates, or folders of such files, by the variable that names each. */
  readonly named?: Readonly<Partial<Record<(typeof variables)[number], string>>>
  /** SSL_CERT_DIR: folders of such files, separated as in PATH. */
  readonly certDir?: string | undefined
  /** The first of these that exists is the system's own store. @default where Linux systems keep it */
  readonly systemFiles?: readonly string[]
}

/** Node's, OpenSSL's, curl's, and that of Python's requests; each adds, so that their order means nothing. */
const variables = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'CURL_CA_BUNDLE', 'REQUESTS_CA_BUNDLE'] as const

const linuxStores = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/** The certificate settings of an environment. */
export function trustOptionsOf(env: Readonly<Record<string, string | undefined>>): TrustOptions {
  const named = variables.flatMap((name) => (env[name] ? [[name, env[name]] as const] : []))
  return { named: Object.fromEntries(named), certDir: env.SSL_CERT_DIR || undefined }
}

/**
 * Every authority to trust, as PEM: the built-in ones, the system's and the given ones, which add and never
 * replace. Throws `usage` when a file that was named cannot be read or has a broken certificate; elsewhere those are left out.
 */
export function readAuthorities(options: TrustOptions): readonly string[] {
  const authorities = new Set(rootCertificates)
  // One broken certificate among them would fail every connection.
  const add = (text: string | undefined) => {
    for (const certificate of certificatesIn(text ?? '')) {
      const pem = readCertificate(certificate)
      if (pem !== undefined) authorities.add(pem)
    }
  }
  if (process.platform === 'linux' || options.systemFiles) add(firstOf(options.systemFiles ?? linuxStores))
  else for (const certificate of getCACertificates('system')) add(certificate)
  for (const variable of variables)
    for (const text of readNamed(options.named?.[variable], variable)) add(text)
  for (const folder of options.certDir?.split(delimiter) ?? [])
    for (const text of readFolder(folder)) add(text)
  return [...authorities]
}

function certificatesIn(text: string): readonly string[] {
  return (
    text.match(/-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g) ?? []
  )
}

/** The certificate without what OpenSSL's own form (`TRUSTED`) adds; undefined when it is none. */
function readCertificate(text: string): string | undefined {
  try {
    const certificate = new X509Certificate(text)
    return text.includes('TRUSTED') ? certificate.toString().trim() : text
  } catch {
    return undefined
  }
}

function firstOf(paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const text = read(path)
    if (text !== undefined) return text
  }
  return undefined
}

function readNamed(path: string | undefined, variable: string): readonly string[] {
  if (path === undefined) return []
  const text = read(path)
  const texts = text === undefined ? readFolder(path) : [text]
  const certificates = texts.flatMap(certificatesIn)
  const isWhole = (certificate: string) => readCertificate(certificate) !== undefined
  // A folder may hold other things; a bundle that one variable names is meant as a whole.
  const isUsable = text === undefined ? certificates.some(isWhole) : certificates.every(isWhole)
  if (certificates.length > 0 && isUsable) return texts
  let problem = 'holds no PEM certificate'
  if (texts.length === 0) problem = 'cannot be read'
  else if (certificates.length > 0) problem = 'holds a broken certificate'
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
