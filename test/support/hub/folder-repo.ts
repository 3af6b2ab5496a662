import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { ContentSpec } from './content.ts'
import type { RepoSpec } from './repo.ts'

const lfsEndings = /\.(bin|safetensors|onnx|pt|parquet|model|gguf|zip|gz)$/

/** A repo with one commit of all files below a folder; what usually is LFS on the Hub is LFS here. */
export function folderRepo(id: string, folder: string): RepoSpec {
  const files: Record<string, ContentSpec> = {}
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const path = relative(folder, file).split('\\').join('/')
    files[path] = { file, ...(lfsEndings.test(path) && { lfs: true }) }
  }
  return { id, commits: [files] }
}
