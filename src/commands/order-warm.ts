import { type ErrorCode, errorRow, isErrorCode } from '../base/error-table.ts'
import { DfhfError } from '../base/errors.ts'
import { isObject } from '../base/json-object.ts'
import type { HttpResponse } from '../http/http-response.ts'
import { readLines } from '../http/ndjson.ts'
import { isSafeForToken } from '../hub/tokens.ts'
import { repoName } from '../repo/repo.ts'
import type { WarmEvent } from '../serve/warm-event.ts'
import { readWarmToken, WARM_TOKEN_HEADER } from '../serve/warm-token.ts'
import type { EventSink } from '../transfer/transfer-event.ts'
import type { RemoteResult } from '../ui/outcome.ts'
import type { CommandContext } from './commands.ts'
import { findUsersToken, openHttp } from './connect-hub.ts'
import type { DownloadOptions, SnapshotOptions } from './settings/options.ts'

const MAX_LINE = 2 ** 16
/** How long the node may take to answer: first it asks the Hub for the whole list of files. */
const PLAN_TIMEOUT_MS = 300_000
/** How long the node may be silent: it sends a sign of life every two seconds. */
const SILENCE_MS = 30_000

/** Has the node whose gateway is at `on` fetch a snapshot into its store; shows how it goes. */
export async function orderWarm(
  on: string,
  options: DownloadOptions & Pick<SnapshotOptions, 'warmTokenFile'>,
  context: CommandContext,
): Promise<RemoteResult> {
  const url = parseNode(on)
  await using http = openHttp(options.hub, context)
  const response = await http.request({
    method: 'POST',
    url: new URL('v1/warm', url),
    headers: {
      'content-type': 'application/json',
      ...authorizationFor(url, options, context),
      ...(await warmTokenFor(options, context)),
    },
    body: JSON.stringify(orderOf(options)),
    signal: context.signal,
    headersTimeoutMs: PLAN_TIMEOUT_MS,
    bodyTimeoutMs: SILENCE_MS,
  })
  if (!response.isSuccess) throw await refusalIn(response, url)
  let size = 0
  const names = new Map<number, FileShown>()
  for await (const line of readLines(response.body, { maxLine: MAX_LINE, sender: url.host })) {
    const event = parseEvent(line)
    if (event.type === 'error') throw toError(event, url)
    if (event.type === 'done') {
      const { commit, files, revision } = event
      return { on: url.origin, repo: event.repo, revision, commit, size: event.size, files }
    }
    if (event.type === 'plan') size = event.size
    show(event, { names, size, report: context.events, about: options })
  }
  throw new DfhfError('network', `${url.host} closed the connection before it was done`, { retryable: true })
}

interface FileShown {
  readonly name: string
  readonly size: number
  hub: number
  peers: number
}

/** Tells the reporter what happens at the node, as if it happened here. */
function show(
  event: WarmEvent,
  given: {
    readonly names: Map<number, FileShown>
    readonly size: number
    readonly report: EventSink
    readonly about: DownloadOptions
  },
): void {
  const { names, report, about } = given
  if (event.type === 'plan') {
    const { files, size } = event
    report({ type: 'plan', files, size, missingFiles: files, missingSize: size, isWhole: true })
  } else if (event.type === 'file-start') {
    const { file, name, size } = event
    names.set(file, { name, size, hub: 0, peers: 0 })
    report({ type: 'file-start', id: file, name, size, present: 0 })
  } else if (event.type === 'progress' || event.type === 'file-done') {
    const shown = names.get(event.file)
    if (!shown) return
    for (const kind of ['hub', 'peers'] as const) {
      const count = event.bytes[kind] - shown[kind]
      shown[kind] = event.bytes[kind]
      if (count > 0) report({ type: 'bytes', id: event.file, count, kind, source: kind })
    }
    if (event.type === 'progress') return
    names.delete(event.file)
    const { oid, ms, bytes, wasHere } = event
    const result = {
      path: shown.name,
      repo: repoName(about.repo),
      revision: about.revision,
      commit: '',
      oid,
      size: shown.size,
      ms,
      bytes,
      verified: !wasHere,
    }
    report({ type: 'file-done', id: event.file, result })
  }
}

function orderOf({ repo, revision, selection }: DownloadOptions): object {
  const order = { repo: repo.id, type: repo.type, revision }
  if (selection.kind === 'file') return { ...order, include: [selection.path] }
  return { ...order, include: selection.include ?? [], exclude: selection.exclude }
}

/** The header with the user's token, so that a node on another machine may fetch what the token opens. */
function authorizationFor(
  url: URL,
  options: DownloadOptions,
  context: CommandContext,
): Record<string, string> {
  const token = findUsersToken(options.hub, context)
  if (!token) return {}
  if (isSafeForToken(url)) return { authorization: `Bearer ${token.value}` }
  if (token.from === '--token') {
    throw new DfhfError('usage', `will not send the token to ${url.host} over plain http`, {
      hint: 'leave --token out, or reach the node over https or a tunnel',
    })
  }
  context.events({
    type: 'notice',
    text: `the token from ${token.from} is not sent to ${url.host} over plain http: only public files can be fetched there`,
  })
  return {}
}

/** The header with the secret by which the node takes orders of other machines. */
async function warmTokenFor(
  { warmTokenFile }: Pick<SnapshotOptions, 'warmTokenFile'>,
  { log }: CommandContext,
): Promise<Record<string, string>> {
  return warmTokenFile === undefined ? {} : { [WARM_TOKEN_HEADER]: await readWarmToken(warmTokenFile, log) }
}

function parseNode(on: string): URL {
  const text = /^https?:\/\//i.test(on) ? on : `http://${on}`
  const url = URL.canParse(text) ? new URL(text.replace(/\/*$/, '/')) : undefined
  if (url && url.hostname !== '' && url.username === '') return url
  throw new DfhfError('usage', `--on does not name a node: '${on}'`, {
    hint: 'write it as http://node:65001',
  })
}

function parseEvent(line: string): WarmEvent {
  try {
    const value: unknown = JSON.parse(line)
    if (isObject(value) && typeof value.type === 'string') return value as WarmEvent
  } catch {
    // The error below tells of it.
  }
  throw new DfhfError('bad-response', 'the node answers with what is no progress')
}

async function refusalIn(response: HttpResponse, url: URL): Promise<DfhfError> {
  const text = await response.text(MAX_LINE).catch(() => '')
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return toError(value, url)
  } catch {
    // Another kind of server answers there.
  }
  return new DfhfError('bad-response', `${url.host} answered ${response.status} and is no dfhf node`, {
    hint: 'check --on: it takes the address of a gateway, such as http://node:65001',
  })
}

function toError(value: { readonly [name: string]: unknown }, url: URL): DfhfError {
  const code = isOfOrder(value.code) ? value.code : 'bad-response'
  const message = typeof value.error === 'string' ? value.error.slice(0, 500) : 'failed without a word'
  return new DfhfError(code, `${url.host}: ${message}`, {
    ...(typeof value.hint === 'string' && { hint: value.hint.slice(0, 500) }),
  })
}

/** True for a failure of the order itself; false where the node is at fault, offline or being stopped. */
function isOfOrder(code: unknown): code is ErrorCode {
  return isErrorCode(code) && !['internal', 'offline', 'stopped'].includes(errorRow(code).class)
}
