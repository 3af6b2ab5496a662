import type { Findings } from './finding.ts'
import { type GetResult, httpGet } from './http-get.ts'
import type { TrueFile, Truth } from './truth.ts'

const RETRY_MS = 200

/** How a client comes through the gateway: its mirror by path, or its proxy by absolute URL. */
export type Form = 'mirror' | 'proxy'

/** The gateway and Hub of a client, and who it is. */
export interface ClientOptions {
  /** `host:port` of the gateway. */
  readonly gateway: string
  readonly hubUrl: string
  readonly form: Form
  readonly token: string | undefined
  readonly findings: Findings
  readonly truth: Truth
  readonly signal: AbortSignal
}

/** A response with its bytes, and where in the file they begin. */
interface Answer extends GetResult {
  readonly begin: number
  readonly body: Uint8Array
}

/**
 * Asks once for a file from `offset` on and compares what comes; `length` makes it a closed range. Such a part is sent
 * before the whole can be checked, so it may hold what the Hub itself sent wrong, but nothing wrong from a peer.
 */
export async function askOnce(
  file: TrueFile,
  options: ClientOptions,
  range: { readonly offset: number; readonly length?: number },
): Promise<Answer> {
  const { hubUrl, form, token } = options
  const path = `/${file.repo}/resolve/main/${file.path.split('/').map(encodeURIComponent).join('/')}`
  const { offset, length } = range
  const header =
    length === undefined
      ? offset === 0
        ? undefined
        : `bytes=${offset}-`
      : `bytes=${offset}-${offset + length - 1}`
  let target = form === 'proxy' ? hubUrl + path : path
  for (let hop = 0; ; hop += 1) {
    const isHub = !target.startsWith('http') || target.startsWith(hubUrl)
    const result = await askAt(target, file, options, {
      header,
      offset,
      isClosed: length !== undefined,
      ...(isHub && token !== undefined && { token }),
    })
    const location = result.headers.get('location')
    if (result.status < 300 || result.status >= 400 || location === undefined || hop === 5) return result
    const next = new URL(location, form === 'proxy' ? target : `http://${options.gateway}`)
    // A mirror that sends its clients elsewhere is no mirror; a client of the proxy asks the proxy for that, too.
    if (form === 'mirror' && next.host !== options.gateway) return result
    target = form === 'proxy' ? next.href : next.pathname + next.search
  }
}

async function askAt(
  target: string,
  file: TrueFile,
  options: ClientOptions,
  ask: {
    readonly header: string | undefined
    readonly offset: number
    readonly isClosed: boolean
    readonly token?: string
  },
): Promise<Answer> {
  const { gateway, findings, truth, token, signal, form } = options
  const parts: Uint8Array[] = []
  const result = await httpGet({
    to: gateway,
    target,
    signal,
    headers: {
      ...(form === 'proxy' && target.startsWith('http') && { host: new URL(target).host }),
      ...(ask.token !== undefined && { authorization: `Bearer ${ask.token}` }),
      ...(ask.header !== undefined && { range: ask.header }),
    },
    onBytes: (bytes) => parts.push(Uint8Array.from(bytes)),
  })
  const isBlob = result.status === 200 || result.status === 206
  const begin = result.status === 206 ? ask.offset : 0
  const body = Buffer.concat(parts)
  const who = token === undefined ? 'a client without token' : 'a client'
  if (isBlob && !body.equals(file.bytes.subarray(begin, begin + body.length))) {
    const text = `${who} got other bytes of ${file.repo}/${file.path} from ${begin} (${result.status}, ${body.length} bytes, ${form})`
    const isHubs = ask.isClosed && result.status === 206 && truth.isAsSent(file, begin, body)
    if (result.isComplete && !isHubs) findings.add('wrong bytes', text)
    else findings.unproven += 1
  }
  const expected = Number(result.headers.get('content-length') ?? Number.NaN)
  if (
    isBlob &&
    result.isComplete &&
    result.status === 200 &&
    body.length < file.bytes.length &&
    Number.isNaN(expected)
  )
    findings.add(
      'wrong bytes',
      `${who} got ${body.length} of ${file.bytes.length} bytes of ${file.path} as complete`,
    )
  const mayHave = file.visibility === 'public' || token?.startsWith('hf_member') === true
  if (!mayHave && truth.windows.find(body) !== undefined)
    findings.add('private bytes', `${who} got bytes of ${file.repo}/${file.path} (${result.status}, ${form})`)
  return { ...result, begin, body }
}

/**
 * Gets a whole file, going on where a response was cut, until it is there; false when the signal aborted first. A response
 * that was cut may hold wrong bytes of a peer that lies, but what the client has in the end may not.
 */
export async function getWhole(file: TrueFile, options: ClientOptions): Promise<boolean> {
  let have: Uint8Array = new Uint8Array()
  while (!options.signal.aborted) {
    const { status, isComplete, begin, body } = await askOnce(file, options, { offset: have.length })
    const isBlob = status === 200 || status === 206
    if (isBlob) have = Buffer.concat([have.subarray(0, begin), body])
    if (isBlob && isComplete && have.length >= file.bytes.length) {
      if (!Buffer.from(have.buffer, have.byteOffset, have.length).equals(file.bytes))
        options.findings.add(
          'wrong bytes',
          `a client that went on after a cut has other bytes of ${file.path} in the end`,
        )
      return true
    }
    if (!options.signal.aborted) await Bun.sleep(RETRY_MS)
  }
  return false
}
