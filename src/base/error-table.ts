/** What each exit code tells a script. The help and the README's table say the same. */
export const exitCodes = {
  0: 'done',
  1: 'unexpected',
  2: 'usage',
  3: 'no such repo, revision or file',
  4: 'not allowed',
  5: 'verification failed',
  6: 'network',
  7: 'disk',
  129: 'interrupted by SIGHUP',
  130: 'interrupted',
  143: 'interrupted by SIGTERM',
} as const

/** A number that dfhf may end with. */
export type ExitCode = keyof typeof exitCodes

/** What kind of failure it is. Where several codes are treated alike, code asks for their class and names none of them. */
export type ErrorClass =
  /** A fault of dfhf itself. */
  | 'internal'
  | 'usage'
  /** The Hub does not let this asker see the repo. */
  | 'denied'
  /** The Hub shows the repo, and what was named in it is not there. */
  | 'missing'
  /** It is not on this machine, and the Hub may not be asked. */
  | 'offline'
  /** Bytes that are not what they must be. */
  | 'corrupt'
  /** A response that makes no sense: a bad server, or another kind of server in its place. */
  | 'malformed'
  /** The way to the other side is cut or too slow. */
  | 'network'
  /** The Hub answers, and says that it cannot do so now. */
  | 'hub'
  /** No peer gives the bytes. */
  | 'peer'
  | 'disk'
  /** The user or the system stopped dfhf. */
  | 'stopped'

interface ErrorRow {
  readonly class: ErrorClass
  /** What the process ends with. */
  readonly exit: ExitCode
  /** The HTTP status by which the gateway tells a client of it. */
  readonly status: number
  /** The Hub's own word for it, in `X-Error-Code`: read from the Hub, and told to clients of the gateway. */
  readonly hubCode?: string
}

/** Every way in which dfhf fails on purpose: one line each, and nothing else to change for a new one. */
export const errorTable = {
  unexpected: { class: 'internal', exit: 1, status: 500 },
  usage: { class: 'usage', exit: 2, status: 400 },
  'repo-not-found': { class: 'denied', exit: 3, status: 404, hubCode: 'RepoNotFound' },
  'revision-not-found': { class: 'missing', exit: 3, status: 404, hubCode: 'RevisionNotFound' },
  'file-not-found': { class: 'missing', exit: 3, status: 404, hubCode: 'EntryNotFound' },
  'not-cached': { class: 'offline', exit: 3, status: 502 },
  unauthorized: { class: 'denied', exit: 4, status: 401 },
  gated: { class: 'denied', exit: 4, status: 403, hubCode: 'GatedRepo' },
  forbidden: { class: 'denied', exit: 4, status: 403 },
  'verification-failed': { class: 'corrupt', exit: 5, status: 502 },
  'bad-response': { class: 'malformed', exit: 6, status: 502 },
  network: { class: 'network', exit: 6, status: 502 },
  timeout: { class: 'network', exit: 6, status: 504 },
  'rate-limited': { class: 'hub', exit: 6, status: 429 },
  'hub-error': { class: 'hub', exit: 6, status: 502 },
  'no-source': { class: 'peer', exit: 6, status: 502 },
  'disk-full': { class: 'disk', exit: 7, status: 507 },
  disk: { class: 'disk', exit: 7, status: 502 },
  interrupted: { class: 'stopped', exit: 130, status: 502 },
} as const satisfies Readonly<Record<string, ErrorRow>>

/** The stable name of a failure. */
export type ErrorCode = keyof typeof errorTable

/** The line of a failure. */
export function errorRow(code: ErrorCode): ErrorRow {
  return errorTable[code]
}

/** True for the name of a failure, as another process may send it. */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(errorTable, text)
}

/** The failure that the Hub names in `X-Error-Code`; undefined where it names none, or one that dfhf does not know. */
export function errorCodeOfHub(header: string | undefined): ErrorCode | undefined {
  return header === undefined ? undefined : byHubCode.get(header)
}

const byHubCode: ReadonlyMap<string, ErrorCode> = new Map(
  Object.keys(errorTable)
    .filter(isErrorCode)
    .flatMap((code): [string, ErrorCode][] => {
      const { hubCode } = errorRow(code)
      return hubCode === undefined ? [] : [[hubCode, code]]
    }),
)
