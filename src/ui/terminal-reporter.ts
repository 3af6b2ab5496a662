import { type GenericBar, MultiBar } from 'cli-progress'
import type { TransferEvent } from '../transfer/transfer-event.ts'
import { FrameStream } from './frame-stream.ts'
import { createMessageLog, type MessageLogOptions } from './message-log.ts'
import { Progress } from './progress.ts'
import { progressRows } from './progress-rows.ts'
import { fileDoneLine, summaryLine, taskLine } from './progress-text.ts'
import type { Now, Reporter } from './reporter.ts'
import type { TextOutput } from './text-output.ts'

const FRAMES_PER_SECOND = 10
const MAX_FILE_BARS = 8

/** How the reporter for terminals works. */
export interface TerminalOptions extends MessageLogOptions {
  readonly stderr: TextOutput
  readonly now: Now
}

/** Bars for the files under way and one in total, redrawn in place; messages scroll by above them. */
export class TerminalReporter implements Reporter {
  readonly log
  readonly #options: TerminalOptions
  readonly #progress: Progress
  readonly #names = new Map<number, string>()
  readonly #told = new Set<string>()
  readonly #startedMs: number
  readonly #frames: FrameStream
  readonly #painter: MultiBar
  readonly #bars: GenericBar[] = []
  #rows: string[] = []
  #isStopped = false

  constructor(options: TerminalOptions) {
    this.#options = options
    this.#progress = new Progress(options.now)
    this.#startedMs = options.now()
    this.log = createMessageLog((line) => this.#line(line), options)
    this.#frames = new FrameStream(options.stderr)
    this.#painter = new MultiBar({
      stream: this.#frames,
      fps: FRAMES_PER_SECOND,
      hideCursor: true,
      linewrap: true,
      clearOnComplete: true,
      forceRedraw: true,
      gracefulExit: false,
      format: (_options, _params, payload) => this.#rows[payload.row] ?? '',
    })
    this.#painter.on('update-pre', () => this.#layOut())
    this.#painter.on('update-post', () => this.#fitBars())
  }

  readonly events = (event: TransferEvent): void => {
    if (this.#isStopped) return
    this.#progress.apply(event)
    this.#tell(event)
  }

  start(): void {}

  stop(): void {
    if (this.#isStopped) return
    if (this.#bars.length > 0) {
      this.#painter.update()
      this.#painter.stop()
    }
    this.#frames.flush()
    this.#isStopped = true
    const summary = summaryLine(this.#progress, this.#options.now() - this.#startedMs)
    if (summary !== undefined) this.#options.stderr.write(`${summary}\n`)
  }

  #tell(event: TransferEvent): void {
    switch (event.type) {
      case 'plan':
        if (event.missingFiles > 0) this.#open()
        break
      case 'file-start':
        this.#names.set(event.id, event.name)
        this.#open()
        break
      case 'wait':
        if (event.reason !== undefined) this.#open()
        break
      case 'task-done':
        if (this.#options.isVerbose) this.#line(taskLine(event))
        break
      case 'retry':
        this.log.debug(`${event.source}: ${event.reason}; again in ${event.delayMs} ms`)
        break
      case 'notice':
        if (!this.#told.has(event.text)) this.log.warn(event.text)
        this.#told.add(event.text)
        break
      case 'file-failed':
        this.log.debug(`${this.#names.get(event.id) ?? 'a file'}: ${event.reason}`)
        break
      case 'file-done':
        if (!this.#progress.total().isMany) {
          this.#line(fileDoneLine(event, this.#names.get(event.id) ?? event.result.path, this.#progress))
        }
        this.#names.delete(event.id)
        break
    }
  }

  /** The first bar starts the redrawing; a run that ends at once draws none. */
  #open(): void {
    if (this.#bars.length === 0) this.#addBar()
  }

  #addBar(): void {
    this.#bars.push(this.#painter.create(1, 0, { row: this.#bars.length }))
  }

  #layOut(): void {
    const width = this.#options.stderr.columns ?? 80
    this.#rows = progressRows(this.#progress, { width, files: MAX_FILE_BARS, colors: this.#options.colors })
  }

  #fitBars(): void {
    while (this.#bars.length < this.#rows.length) this.#addBar()
    while (this.#bars.length > Math.max(1, this.#rows.length)) {
      const bar = this.#bars.pop()
      if (bar) this.#painter.remove(bar)
    }
  }

  #line(text: string): void {
    if (this.#isStopped) return
    if (this.#bars.length > 0) this.#painter.log(`${text}\x1b[K\n`)
    else this.#options.stderr.write(`${text}\n`)
  }
}
