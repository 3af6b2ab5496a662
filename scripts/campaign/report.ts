import { invariants } from './finding.ts'
import type { Outcome } from './run.ts'

/** One line about a run, and a line for each thing that was found. */
export function outcomeLines(outcome: Outcome): string {
  const { seed, scenario, findings, aloneMs, withPeersMs, folder } = outcome
  const times = `alone ${seconds(aloneMs)}, among peers ${seconds(withPeersMs)}`
  const head = `${findings.length === 0 ? 'ok  ' : 'FAIL'} seed ${seed}: ${scenario}: ${times}`
  const details = findings.map(
    ({ invariant, text }) => `       ${invariant}: ${text.replaceAll('\n', ' / ')}`,
  )
  return [head, ...details, ...(findings.length > 0 ? [`       logs: ${folder}`] : []), ''].join('\n')
}

/** What all runs together come to. */
export function summary(outcomes: readonly Outcome[]): string {
  const failed = outcomes.filter(({ findings }) => findings.length > 0)
  const rows = invariants.flatMap((invariant) => {
    const seeds = outcomes
      .filter(({ findings }) => findings.some((finding) => finding.invariant === invariant))
      .map(({ seed }) => seed)
    return seeds.length === 0
      ? []
      : [
          `| ${invariant} | ${seeds.length} | ${seeds.slice(0, 8).join(', ')}${seeds.length > 8 ? ', …' : ''} |`,
        ]
  })
  const ratios = outcomes.flatMap(({ aloneMs, withPeersMs }) =>
    aloneMs && withPeersMs ? [(withPeersMs - 10_000) / aloneMs] : [],
  )
  const peak = (of: (outcome: Outcome) => number) => Math.max(0, ...outcomes.map(of))
  return [
    '',
    `${outcomes.length} runs, ${failed.length} failed`,
    ...(rows.length > 0 ? ['', '| broken | runs | seeds |', '| --- | --- | --- |', ...rows] : []),
    '',
    `nearest to the bound of 2 x alone + 10 s: ${Math.max(...ratios, Number.NEGATIVE_INFINITY).toFixed(2)} x alone + 10 s`,
    `wrong bytes in answers that were cut, and in pieces of unfinished blobs: ${outcomes.reduce((sum, { unproven }) => sum + unproven, 0)}`,
    `most memory of a dfhf: ${(peak(({ peaks }) => peaks.memory) / 1e6).toFixed(0)} MB; most handles: ${peak(({ peaks }) => peaks.handles)}`,
    '',
  ].join('\n')
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '-' : `${(ms / 1000).toFixed(1)} s`
}
