import type { RepoSpec } from './repo.ts'

/** A repo with the 12 files of tiiuae/falcon-rw-1b; the weights have the given size and the text is made up. */
export function falconRepo(options: { readonly weightsSize: number; readonly id?: string }): RepoSpec {
  const words = Array.from({ length: 4000 }, (_, index) => `token${index}`)
  const vocab = Object.fromEntries(words.map((word, index) => [word, index]))
  const merges = words.slice(1).map((word, index) => `${words[index]} ${word}`)
  const model = { type: 'BPE', vocab, merges: merges.slice(0, 10) }
  return {
    id: options.id ?? 'tiiuae/falcon-rw-1b',
    info: { pipeline_tag: 'text-generation', library_name: 'transformers', tags: ['pytorch', 'falcon'] },
    commits: [
      {
        '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
        'README.md': `# Falcon-RW-1B\n\n${'A stand-in with the shape of the real repo.\n'.repeat(40)}`,
        'config.json': json({
          model_type: 'falcon',
          architectures: ['FalconForCausalLM'],
          vocab_size: 50304,
        }),
        'configuration_falcon.py': `"""Falcon configuration"""\n${'# stand-in\n'.repeat(120)}`,
        'generation_config.json': json({ bos_token_id: 1, eos_token_id: 2 }),
        'merges.txt': `#version: 0.2\n${merges.join('\n')}\n`,
        'modeling_falcon.py': `"""PyTorch Falcon model."""\n${'# stand-in\n'.repeat(900)}`,
        'pytorch_model.bin': { seed: 'falcon-rw-1b', size: options.weightsSize, lfs: true },
        'special_tokens_map.json': json({ bos_token: '<|endoftext|>', eos_token: '<|endoftext|>' }),
        'tokenizer.json': json({ version: '1.0', added_tokens: [], model }),
        'tokenizer_config.json': json({ tokenizer_class: 'PreTrainedTokenizerFast', model_max_length: 1024 }),
        'vocab.json': json(vocab),
      },
    ],
  }
}

/** A small repo with what trips clients: odd names, empty and tiny files, several revisions that share blobs. */
export function variedRepo(id = 'test-org/varied'): RepoSpec {
  const shared = { seed: 'shared', size: 300_000, lfs: true } as const
  const first = {
    'README.md': 'first\n',
    'config.json': json({ model_type: 'bert' }),
    'weights/model.safetensors': shared,
    'empty.txt': '',
  }
  const second = {
    ...first,
    'README.md': `second\n${'compressible text\n'.repeat(200)}`,
    'empty.bin': { text: '', lfs: true },
    'one-byte.bin': { text: 'x', lfs: true },
    'a b/c d.txt': 'spaces\n',
    'nested/deep/er/file.json': json({ deep: true }),
    'nested/deep/copy.safetensors': shared,
    'únïcode/日本語.txt': 'unicode\n',
    'odd/100%.txt': 'percent\n',
    'odd/a#b.txt': 'hash\n',
    'odd/a+b&c=d.txt': 'plus\n',
    'odd/q?.txt': 'question\n',
    'odd/big one.bin': { seed: 'odd', size: 50_000, lfs: true },
  }
  const third = {
    ...second,
    'README.md': 'third, on a branch\n',
    'only-here.bin': { seed: 'third', size: 1000, lfs: true },
  }
  return {
    id,
    commits: [first, second, third],
    branches: { main: 1, 'feature/new-head': 2 },
    tags: { 'v1.0': 0 },
    refs: { 'refs/pr/1': 2, 'refs/convert/parquet': 0 },
    formerIds: ['test-org/old-name'],
  }
}

/** Paths that a tree may list and no client may write. */
export const hostilePaths: readonly string[] = [
  '../x',
  '/x',
  'a/../../x',
  'a\\..\\x',
  'nul\0byte',
  `${'n'.repeat(300)}.bin`,
]

/** A repo with one good file and one at a hostile path. */
export function hostileRepo(path: string, id = 'test-org/hostile'): RepoSpec {
  return { id, commits: [{ 'good.txt': 'good\n', [path]: { text: 'hostile\n', lfs: true } }] }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
