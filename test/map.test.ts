import { expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const top = join(import.meta.dir, '..')
const map = readFileSync(join(top, 'src/README.md'), 'utf8')

const { forbidden: rules }: { readonly forbidden: readonly { readonly name: string }[] } = (
  await import(join(top, '.dependency-cruiser.mjs'))
).default

const inSrc = readdirSync(join(top, 'src'), { recursive: true, withFileTypes: true })
const pathOf = (entry: (typeof inSrc)[number]) => join(entry.parentPath, entry.name).slice(top.length + 1)
const folders = inSrc.filter((entry) => entry.isDirectory()).map(pathOf)
const files = inSrc.filter((entry) => entry.isFile()).map(pathOf)

/** The folders that the map links to, below the top, in its order. */
const linked = [...map.matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => `src/${path}`)

/** What the map writes as code and is a path, or a file's name alone. */
const written = [...map.matchAll(/`([^`\s]+)`/g)]
  .map(([, text = '']) => text)
  .filter((text) => text.includes('/') || text.endsWith('.ts'))

/** True for a path below src or the top, with or without the end of its name; a `*` stands for a part of a name. */
function exists(path: string): boolean {
  if (!path.includes('/')) return files.some((file) => basename(file) === path)
  if (path.includes('*')) return files.some((file) => new Bun.Glob(`src/${path}`).match(file))
  return ['src', '.'].some((root) => [path, `${path}.ts`].some((name) => existsSync(join(top, root, name))))
}

test('the map has every folder of src, and each once', () => {
  expect(linked.toSorted()).toEqual(folders.toSorted())
})

test('the map has the folders in the order in which they may import each other', () => {
  const suffix = '-imports-downwards'
  const layers = rules
    .map(({ name }) => name)
    .filter((name) => name.endsWith(suffix))
    .map((name) => `src/${name.slice(0, -suffix.length)}`)
  expect(layers.length).toBeGreaterThan(10)
  expect(linked.filter((path) => layers.includes(path))).toEqual(layers)
})

test('the map names no path that there is not', () => {
  expect(written.length).toBeGreaterThan(20)
  expect(written.filter((path) => !exists(path))).toEqual([])
  expect(['transfer/nothing', 'nothing.ts', 'test/nothing.test.ts'].some(exists)).toBe(false)
})

test('the map stays one page', () => {
  expect(map.split('\n').length).toBeLessThan(90)
})
