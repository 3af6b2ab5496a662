// Makes kubernetes.yaml from the chart: npx bun scripts/deploy/manifest.ts, with helm on the PATH.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const chart = join(import.meta.dir, 'chart')
const file = join(import.meta.dir, 'kubernetes.yaml')

/** What helm is asked for. */
export const templateArguments = [
  ...['template', 'dfhf', chart, '--namespace', 'dfhf'],
  ...['--values', join(chart, 'ci/manifest.yaml')],
]

const head = `# dfhf on every node, made from the chart beside this file: for other settings use that. Put your image below, then:
#   kubectl apply -f kubernetes.yaml
#   kubectl -n dfhf create secret generic dfhf-cluster-key --from-literal=key="$(openssl rand -hex 32)"
# Pods then reach their own node's gateway, and need nothing but these two variables:
#   env:
#     - name: NODE_IP
#       valueFrom: { fieldRef: { fieldPath: status.hostIP } }
#     - name: HF_ENDPOINT
#       value: http://$(NODE_IP):65001
`

/** The plain manifest of what helm rendered: without what only a release of helm's has. */
export function manifestOf(rendered: string): string {
  const isOfHelm = (line: string) =>
    line.startsWith('# Source: ') || line.trim() === 'app.kubernetes.io/managed-by: Helm'
  const lines = rendered.split('\n').filter((line) => !isOfHelm(line))
  return `${head}${lines
    .join('\n')
    .replace(/^\n*(---\n)?/, '')
    .trimEnd()}\n`
}

if (import.meta.main) {
  const { stdout, exitCode } = Bun.spawnSync(['helm', ...templateArguments], { stderr: 'inherit' })
  if (exitCode !== 0) process.exit(exitCode)
  writeFileSync(file, manifestOf(stdout.toString()))
}
