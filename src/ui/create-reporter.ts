import { silentLog } from '../base/log.ts'
import { createJsonLogReporter } from './json-log-reporter.ts'
import { createJsonReporter } from './json-reporter.ts'
import { createLinesReporter } from './lines-reporter.ts'
import type { MessageLogOptions } from './message-log.ts'
import type { OutputForm } from './output-form.ts'
import type { Now, Reporter } from './reporter.ts'
import { TerminalReporter } from './terminal-reporter.ts'
import type { TextOutput } from './text-output.ts'

const LINE_INTERVAL_MS = 5000
const JSON_INTERVAL_MS = 1000

/** What every form needs. */
export interface ReporterOptions extends MessageLogOptions {
  readonly form: OutputForm
  readonly stderr: TextOutput
  readonly now: Now
}

/** The reporter of the form that was chosen. */
export function createReporter(options: ReporterOptions): Reporter {
  switch (options.form) {
    case 'terminal':
      return new TerminalReporter(options)
    case 'lines':
      return createLinesReporter({ ...options, intervalMs: LINE_INTERVAL_MS })
    case 'log':
      return createLinesReporter({ ...options, intervalMs: undefined })
    case 'json-log': {
      const { stderr, isVerbose, level = isVerbose ? 'debug' : 'info', secrets = [] } = options
      return createJsonLogReporter({ stderr, level, secrets })
    }
    case 'json':
      return createJsonReporter({ ...options, intervalMs: JSON_INTERVAL_MS })
    case 'quiet':
      return { events() {}, log: silentLog, start() {}, stop() {} }
  }
}
