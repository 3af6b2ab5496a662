import { safeText } from './safe-text.ts'
import { padded } from './short-name.ts'

/** What a dry run found. */
export interface DryRunPlan {
  readonly repo: string
  readonly revision: string
  readonly commit: string
  readonly files: readonly DryRunFile[]
}

/** A file of the plan. */
interface DryRunFile {
  readonly name: string
  readonly size: number
  /** False when it is here already. */
  readonly isMissing: boolean
}

/** The plan as `hf download --dry-run` prints it, sorted by name; with `isQuiet` only the names to be fetched. */
export function dryRunTable(plan: DryRunPlan, options: { readonly isQuiet: boolean }): string {
  const files = [...plan.files].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  const missing = files.filter((file) => file.isMissing)
  if (options.isQuiet) return missing.map((file) => `${safeText(file.name)}\n`).join('')
  const size = missing.reduce((sum, file) => sum + file.size, 0)
  const rows = files.map(
    (file) => [safeText(file.name), file.isMissing ? shortSize(file.size) : '-'] as const,
  )
  const nameWidth = Math.max(4, ...rows.map(([name]) => Bun.stringWidth(name)))
  const sizeWidth = Math.max(4, ...rows.map(([, shown]) => shown.length))
  const lines = [
    `[dry-run] Will download ${missing.length} files (out of ${files.length}) totalling ${shortSize(size)}.`,
    `${padded('FILE', nameWidth)} SIZE`,
    `${'-'.repeat(nameWidth)} ${'-'.repeat(sizeWidth)}`,
    ...rows.map(([name, shown]) => `${padded(name, nameWidth)} ${shown}`),
  ]
  return `${lines.join('\n')}\n`
}

/** huggingface_hub's own short form: `8.0`, `5.0K`, `5.6G`. */
function shortSize(bytes: number): string {
  let value = bytes
  for (const unit of ['', 'K', 'M', 'G', 'T']) {
    if (value < 1000) return `${value.toFixed(1)}${unit}`
    value /= 1000
  }
  return `${value.toFixed(1)}P`
}
