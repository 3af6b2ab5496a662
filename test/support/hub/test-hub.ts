import { identify, type User } from './access.ts'
import { BareRepos } from './bare-repo.ts'
import { Cdn } from './cdn.ts'
import { answerControl } from './control.ts'
import { type ActiveFault, type Fault, Faults, type Rates } from './faults.ts'
import { HttpListener, type ListenOptions } from './http/listener.ts'
import type { HttpAnswer, HttpRequest } from './http/message.ts'
import { type Quotas, RateLimit } from './rate-limit.ts'
import type { Repo, RepoSpec, RepoType } from './repo.ts'
import { RepoStore } from './repo-store.ts'
import { parseRoute, type RouteKind } from './route.ts'
import type { RouteSettings } from './routes/context.ts'
import { answerHub } from './routes/router.ts'
import { UrlSigner } from './signed-url.ts'
import { type HubStats, type RequestRecord, type Side, StatsRecorder } from './stats.ts'

/** What a test Hub serves and where; all of it plain data. */
export interface TestHubOptions extends RouteSettings {
  readonly repos?: readonly RepoSpec[]
  readonly users?: readonly User[]
  /** The address to bind. @default '127.0.0.1' */
  readonly host?: string
  /** The host name in the Hub's own URLs. @default the bound host */
  readonly publicHost?: string
  /** @default 0: any free port */
  readonly port?: number
  /**
   * The CDN's address to bind. Clients tell hosts apart by name and some ignore the port, so its name must differ.
   * @default `host`, or for 127.0.0.1 the next loopback address (Linux) or name
   */
  readonly cdnHost?: string
  /** The host name in CDN URLs. @default the bound one */
  readonly publicCdnHost?: string
  readonly cdnPort?: number
  /** Serves both sides over https. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** How long a CDN URL is good. @default 3,600,000 */
  readonly urlLifetimeMs?: number
  readonly rates?: Rates
  readonly faults?: readonly Fault[]
  /** @default a million requests in 300 s each */
  readonly quotas?: Quotas
}

/** A running stand-in of the Hugging Face Hub; stops when disposed. */
export class TestHub implements AsyncDisposable {
  readonly repos = new RepoStore()
  readonly faults = new Faults()
  readonly signer: UrlSigner
  readonly rateLimit: RateLimit
  readonly #options: TestHubOptions
  readonly #recorder: StatsRecorder
  readonly #cdn: Cdn
  readonly #listeners: Readonly<Record<Side, HttpListener>>
  readonly #bareRepos = new BareRepos()
  #requestCount = 0

  constructor(options: TestHubOptions) {
    this.#options = options
    this.signer = new UrlSigner(options.urlLifetimeMs ?? 3_600_000)
    this.rateLimit = new RateLimit(options.quotas ?? generousQuotas)
    this.#listeners = {
      hub: this.#listener('hub', (request) => this.#answer('hub', request)),
      cdn: this.#listener('cdn', (request) => this.#answer('cdn', request)),
    }
    this.#recorder = new StatsRecorder((side) => this.#connections(side))
    this.#cdn = new Cdn(this.repos, this.signer, (text) => this.#recorder.violations.push(text))
    for (const spec of options.repos ?? []) this.repos.add(spec)
    for (const fault of options.faults ?? []) this.faults.add(fault)
    this.faults.setRates(options.rates ?? {})
    this.start('hub')
    this.start('cdn')
  }

  /** The Hub's address, for HF_ENDPOINT. */
  get url(): string {
    return this.#url('hub')
  }

  get cdnUrl(): string {
    return this.#url('cdn')
  }

  /** A repo, to read its commits or to add one. */
  repo(id: string, type: RepoType = 'model'): Repo {
    const repo = this.repos.get(type, id)
    if (!repo) throw new Error(`test hub: no ${type} ${id}`)
    return repo
  }

  addFault(fault: Fault): ActiveFault {
    return this.faults.add(fault)
  }

  stats(): HubStats {
    return this.#recorder.stats()
  }

  /** Every request in the order of arrival, kept up to date while it is answered. */
  get requests(): readonly RequestRecord[] {
    return this.#recorder.requests
  }

  /** Resolves as soon as the counters satisfy the predicate; tests wait so, not by sleeping. */
  until(predicate: (stats: HubStats) => boolean): Promise<void> {
    return this.#recorder.until(predicate)
  }

  resetStats(): void {
    this.#recorder.reset()
    for (const listener of Object.values(this.#listeners)) listener.highestConnections = listener.connections
  }

  /** Listens (again), on the port it had. */
  start(side: Side): void {
    this.#listeners[side].start()
  }

  /** Refuses connections and breaks those there are, as if the host were down. */
  stop(side: Side): void {
    this.#listeners[side].stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.faults.clear()
    this.stop('hub')
    this.stop('cdn')
    this.#bareRepos.remove()
  }

  async #answer(side: Side, request: HttpRequest): Promise<HttpAnswer> {
    if (side === 'hub' && request.path.startsWith('/_test/')) return answerControl(this, request)
    const record = this.#record(side, request)
    const answer = await this.faults.answer(request, record, (form) =>
      side === 'hub' ? this.#answerHub(form, record) : this.#cdn.answer(form, record),
    )
    record.status = answer.status
    const sent = (size: number) => this.#recorder.sent(record, size)
    const ended = (complete: boolean) => this.#recorder.end(record, complete)
    return { ...answer, conduct: { ...answer.conduct, sent, ended } }
  }

  async #answerHub(request: HttpRequest, record: RequestRecord): Promise<HttpAnswer> {
    const route = parseRoute(request.path)
    const limit = this.rateLimit.take(route.kind)
    const base = {
      request,
      route,
      record,
      caller: identify(request.headers.get('authorization'), this.#options.users ?? []),
      hubUrl: this.url,
      cdnUrl: this.cdnUrl,
      settings: this.#options,
      bareRepo: (repo: Repo) => this.#bareRepos.folder(repo),
      signCdnUrl: (repo: Repo, oid: string, name: string) => this.cdnUrl + this.#cdn.sign(repo, oid, name),
    }
    const answer = limit.refusal ?? (await answerHub(base, this.repos))
    const warnings = this.#options.warnings ?? []
    const common = {
      'X-Request-Id': `Root=1-test-${this.#requestCount}`,
      ...limit.headers,
      ...(warnings.length > 0 && { 'X-HF-Warning': warnings }),
    }
    return { ...answer, headers: { ...common, ...answer.headers } }
  }

  #record(side: Side, request: HttpRequest): RequestRecord {
    this.#requestCount += 1
    const record: RequestRecord = {
      side,
      kind: side === 'hub' ? parseRoute(request.path).kind : cdnKind(request.path),
      method: request.method,
      target: request.target,
      headers: Object.fromEntries(request.headers),
      startedMs: performance.timeOrigin + performance.now(),
      oid: side === 'cdn' ? request.path.split('/').at(-1) : undefined,
      status: 0,
      bodyBytes: 0,
      state: 'open',
    }
    this.#recorder.begin(record)
    return record
  }

  #listener(side: Side, handler: (request: HttpRequest) => Promise<HttpAnswer>): HttpListener {
    const { port = 0, cdnPort = 0, tls } = this.#options
    const options: ListenOptions = {
      host: bindHost(side, this.#options),
      port: side === 'hub' ? port : cdnPort,
      ...(tls && { tls }),
    }
    return new HttpListener(options, handler)
  }

  #connections(side: Side): { now: number; highest: number } {
    const listener = this.#listeners[side]
    return { now: listener.connections, highest: listener.highestConnections }
  }

  #url(side: Side): string {
    const { publicHost, publicCdnHost, tls } = this.#options
    const name = (side === 'hub' ? publicHost : publicCdnHost) ?? bindHost(side, this.#options)
    const host = name.includes(':') ? `[${name}]` : name
    return `${tls ? 'https' : 'http'}://${host}:${this.#listeners[side].port}`
  }
}

/** Starts a test Hub and waits until it listens. */
export async function startTestHub(options: TestHubOptions = {}): Promise<TestHub> {
  return new TestHub(options)
}

function bindHost(side: Side, { host = '127.0.0.1', cdnHost }: TestHubOptions): string {
  if (side === 'hub') return host
  const other = process.platform === 'linux' ? '127.0.0.2' : 'localhost'
  return cdnHost ?? (host === '127.0.0.1' ? other : host)
}

function cdnKind(path: string): RouteKind {
  return path.startsWith('/cas/') ? 'cas' : 'cdn'
}

const generousQuotas: Quotas = { api: 1e6, resolvers: 1e6, pages: 1e6, windowSeconds: 300 }
