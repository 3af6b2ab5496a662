import { expect, setDefaultTimeout, test } from 'bun:test'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { newMachine } from '../../support/program/machine.ts'
import { oidOf, sentOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(90_000)
const size = 6_000_000
const names = ['a', 'b', 'c']
const secret = {
  id: 'o/r',
  private: true,
  commits: [Object.fromEntries(names.map((name) => [name, { seed: name, size, lfs: true }]))],
} as const
const users = [{ name: 'in', token: 'hf_in', access: ['o/r'] }]
const [oldKey, newKey] = ['the old key of the cluster', 'the new key of the cluster']

/** Replaces a file by one rename. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

/** The oid of what a client of the node gets. */
async function oidThrough({ url }: GatewayNode, name: string): Promise<string> {
  const answer = await fetch(`${url}/o/r/resolve/main/${name}`, {
    headers: { authorization: 'Bearer hf_in' },
  })
  return new Bun.CryptoHasher('sha256').update(await answer.bytes()).digest('hex')
}

test('nodes share what is private while one after the other gets a new key', async () => {
  await using hub = await startTestHub({ repos: [secret], users })
  using machine = newMachine(hub.url)
  const keys = ['first', 'second'].map((name) => join(machine.folder, name))
  for (const path of keys) await replace(path, oldKey)
  const [firstKey = '', secondKey = ''] = keys
  await using first = await startNode(hub.url, { seeds: [], args: ['--cluster-key-file', firstKey] })
  const seeds = [first.peerAddress ?? '']
  await using second = await startNode(hub.url, { seeds, args: ['--cluster-key-file', secondKey] })
  await second.running.said('joined')
  const expectShared = async (node: GatewayNode, name: string) => {
    expect(await oidThrough(first, name)).toBe(oidOf(hub, name))
    expect(await oidThrough(node, name)).toBe(oidOf(hub, name))
    expect([name, sentOf(hub, name)]).toEqual([name, size])
  }
  await expectShared(second, 'a')
  await replace(firstKey, newKey)
  await first.running.said('the cluster key was read anew')
  await expectShared(second, 'b')
  await replace(secondKey, newKey)
  await second.running.said('the cluster key was read anew')
  // One that starts now knows the new key alone.
  await using third = await startNode(hub.url, { seeds, args: ['--cluster-key-file', secondKey] })
  await third.running.said('joined')
  await expectShared(third, 'c')
})

function makeCertificate(folder: string, name: string): readonly [certificate: string, key: string] {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1']
  const command = ['openssl', 'req', '-x509', ...kind, '-subj', `/CN=${name}`, '-keyout', key, '-out', cert]
  if (Bun.spawnSync(command).exitCode !== 0) throw new Error('openssl failed')
  return [cert, key]
}

/** The name in the certificate that a peer shows. */
function nameShownAt(address: string): Promise<string | undefined> {
  const { hostname, port } = new URL(`https://${address}`)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().subject.CN?.toString())
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

test('a node shows a new certificate once it has its key as well', async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(1000)] })
  using machine = newMachine(hub.url)
  const [cert, key] = makeCertificate(machine.folder, 'old')
  const [newCert, newPrivate] = makeCertificate(machine.folder, 'new')
  await using node = await startNode(hub.url, { seeds: [], args: ['--tls-cert', cert, '--tls-key', key] })
  const address = node.peerAddress ?? ''
  expect(await nameShownAt(address)).toBe('old')
  await replace(cert, await Bun.file(newCert).text())
  await node.running.said('the certificate for peers is kept as it was')
  expect(await nameShownAt(address)).toBe('old')
  await replace(key, await Bun.file(newPrivate).text())
  await node.running.said('the certificate for peers was read anew')
  expect(await nameShownAt(address)).toBe('new')
})
