import { chmod, mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runTool } from '../run-tool.ts'
import { type BuiltBinary, FILE_TIME, inFolder, type Packing, type Product, placeBinary } from './packing.ts'

/** As Debian calls the processor of a target; there is no .deb for the others. */
const architectures: Readonly<Record<string, string>> = { 'linux-x64': 'amd64', 'linux-arm64': 'arm64' }

/** What dpkg runs; the service opens ports, and is not started before a user has enabled it. */
const scripts = {
  postinst: onSystemd('systemctl daemon-reload; systemctl try-restart dfhf.service || :'),
  prerm: onSystemd('[ "$1" != remove ] || systemctl disable --now dfhf.service'),
  postrm: `${onSystemd('systemctl daemon-reload')}${whatPurgeRemoves()}`,
}

function onSystemd(commands: string): string {
  // Not while dpkg fills the root of another system.
  const isRunning = '[ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]'
  return `#!/bin/sh\nset -e\nif ${isRunning}; then\n  ${commands}\nfi\n`
}

/** What the unit's StateDirectory leaves: fetched blobs, which systemd keeps below private/ and links to. */
function whatPurgeRemoves(): string {
  return 'if [ "$1" = purge ]; then\n  rm -rf "$DPKG_ROOT/var/lib/dfhf" "$DPKG_ROOT/var/lib/private/dfhf"\nfi\n'
}

/** Makes a .deb with the binary and its systemd unit, by dpkg-deb. */
export async function makeDeb(built: BuiltBinary, packing: Packing): Promise<void> {
  const { product, into, compression } = packing
  const architecture = architectures[built.target.name]
  if (architecture === undefined) return
  await inFolder(packing, async (folder) => {
    const units = join(folder, 'usr/lib/systemd/system')
    await placeBinary(built, join(folder, 'usr/bin/dfhf'))
    await mkdir(units, { recursive: true })
    await writeFile(join(units, 'dfhf.service'), packagedUnit(product.unit))
    // Where the unit looks for its variables.
    await mkdir(join(folder, 'etc/dfhf'), { recursive: true })
    await mkdir(join(folder, 'DEBIAN'))
    const kibibytes = Math.ceil((await stat(built.path)).size / 1024)
    await writeFile(join(folder, 'DEBIAN/control'), control(product, architecture, kibibytes))
    for (const [name, script] of Object.entries(scripts))
      await writeFile(join(folder, 'DEBIAN', name), script, { mode: 0o755 })
    // mkdtemp's folder is closed to others, and would be so as the root of the package.
    await chmod(folder, 0o755)
    const outfile = join(into, `dfhf_${product.version}_${architecture}.deb`)
    const packed = ['--root-owner-group', '-Zgzip', `-z${compression}`, '--build', folder, outfile]
    // No file is newer than this, so that each has this very time.
    await runTool(['env', `SOURCE_DATE_EPOCH=${FILE_TIME}`, 'dpkg-deb', ...packed])
  })
}

/** The unit for a binary that a package has installed; its first line tells how to install it by hand. */
function packagedUnit(unit: string): string {
  return unit.replace(/^#.*\n/, '').replaceAll('/usr/local/bin/', '/usr/bin/')
}

function control({ version, description }: Product, architecture: string, size: number): string {
  return [
    'Package: dfhf',
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    'Maintainer: dfhf maintainers <maintainers@dfhf.invalid>',
    `Installed-Size: ${size}`,
    'Depends: libc6 (>= 2.17)',
    'Section: net',
    'Priority: optional',
    `Description: ${description}`,
    '',
  ].join('\n')
}
