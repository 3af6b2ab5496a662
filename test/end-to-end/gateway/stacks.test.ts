import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clientHome, startNode } from '../../support/gateway/gateway-node.ts'
import { folderRepo } from '../../support/hub/folder-repo.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { runProcess } from '../../support/python/run-process.ts'
import { clientEnv, runPython } from '../../support/python/run-python.ts'
import { canRunPython, ensureVenv } from '../../support/python/venv.ts'

setDefaultTimeout(300_000)
const requirements = ['huggingface_hub<2', 'transformers', 'datasets', 'tokenizers', 'safetensors']
const root = mkdtempSync(join(tmpdir(), 'dfhf-stacks-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

describe.skipIf(!canRunPython())('transformers and datasets through HF_ENDPOINT of the gateway', () => {
  let python = ''
  beforeAll(async () => {
    python = await ensureVenv('stacks', requirements)
    await runProcess([python, join(import.meta.dir, 'make_stacks_repos.py'), root], { env: { HOME: root } })
  })

  test('load config, tokenizer, weights and a table as from the Hub; from an empty cache again at no byte', async () => {
    await using hub = await startTestHub({
      repos: [
        { ...folderRepo('o/model', join(root, 'model')), xet: true },
        { ...folderRepo('o/rows', join(root, 'data')), type: 'dataset', xet: true },
      ],
    })
    await using node = await startNode(hub.url)
    const load = async (endpoint: string, name: string, usesXet: boolean) => {
      const env = clientEnv({ endpoint, home: clientHome(node.machine, name), usesXet })
      const { stdout } = await runPython(python, join(import.meta.dir, 'load_stacks.py'), env)
      return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    }
    const direct = await load(hub.url, 'direct', false)
    expect(direct).toMatchObject({
      hidden: 32,
      rows: { train: [500, { number: 7 }], test: [500, { number: 1007 }] },
    })
    expect(await load(node.url, 'first', true)).toEqual(direct)
    expect(hub.stats().kinds['xet-read-token']).toBeUndefined()
    hub.resetStats()
    expect(await load(node.url, 'second', true)).toEqual(direct)
    expect(hub.stats().oids).toEqual({})
    expect(hub.stats().violations).toEqual([])
  })
})
