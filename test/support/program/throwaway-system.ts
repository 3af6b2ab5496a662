import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runProcess } from '../python/run-process.ts'

const unit = `[Unit]
After=basic.target
Requires=basic.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
TimeoutStartSec=60
ExecStart=/bin/sh /trial/script
StandardOutput=file:/trial/said
StandardError=file:/trial/complained
`

/** Its root is this machine's own, and what it writes is in memory. */
const boot = `
mount -t tmpfs none "$1/system" && cd "$1/system" && mkdir upper work root
mount -t overlay none -o lowerdir=/,upperdir=upper,workdir=work root
shift; exec timeout 120 systemd-nspawn --directory=root "$@"`

/**
 * Runs a shell script under a systemd of its own: this machine's system, booted in a container whose changes go with it
 * and which has no network but loopback. `folder` is its /trial. Resolves to what the script wrote.
 */
export async function inThrowawaySystem(folder: string, script: string): Promise<string> {
  mkdirSync(join(folder, 'system'))
  writeFileSync(join(folder, 'trial.service'), unit)
  writeFileSync(join(folder, 'script'), script)
  const { stdout, stderr } = await runProcess(
    [
      ...['unshare', '--mount', 'sh', '-ec', boot, 'sh', folder],
      ...['--quiet', '--private-network', '--register=no', '--keep-unit', `--machine=trial-${process.pid}`],
      ...['--console=pipe', `--bind=${folder}:/trial`],
      ...[`--bind-ro=${folder}/trial.service:/etc/systemd/system/trial.service`],
      ...['--boot', '--', 'systemd.unit=trial.service'],
    ],
    { allowsFailure: true },
  )
  const said = join(folder, 'said')
  if (!existsSync(said)) throw new Error(`the system did not start:\n${stdout}\n${stderr}`)
  return readFileSync(said, 'utf8')
}
