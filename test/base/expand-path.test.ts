import { describe, expect, test } from 'bun:test'
import { expandPath, huggingFaceHome } from '../../src/base/expand-path.ts'

describe('paths', () => {
  test('know the home folder and variables', () => {
    const env = { HOME: '/home/a', DATA: '/data' }
    expect(expandPath('~/hub', env)).toBe('/home/a/hub')
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a user writes
    expect(expandPath('$DATA/${DATA}/$NONE', env)).toBe('/data/data/$NONE')
    expect(expandPath('/a/~b', env)).toBe('/a/~b')
  })

  test('of the Hugging Face home follow HF_HOME, then XDG_CACHE_HOME, then the home folder', () => {
    const env = { HOME: '/home/a', XDG_CACHE_HOME: '/xdg', HF_HOME: '~/hf' }
    expect(huggingFaceHome(env)).toBe('/home/a/hf')
    expect(huggingFaceHome({ ...env, HF_HOME: '' })).toBe('/xdg/huggingface')
    expect(huggingFaceHome({ HOME: '/home/a' })).toBe('/home/a/.cache/huggingface')
  })
})
