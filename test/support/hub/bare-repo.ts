import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { readAll } from './content.ts'
import type { GitObject } from './git-objects.ts'
import type { Repo } from './repo.ts'

/** Bare git repositories of the test Hub's repos, written when first asked for, gone with the Hub. */
export class BareRepos {
  readonly #folders = new Map<string, string>()

  /** The folder of a repo as it is now. */
  folder(repo: Repo): string {
    const state = JSON.stringify([repo.type, repo.id, ...repo.refs])
    const folder = this.#folders.get(state) ?? writeBareRepo(repo)
    this.#folders.set(state, folder)
    return folder
  }

  remove(): void {
    for (const folder of this.#folders.values()) rmSync(folder, { recursive: true, force: true })
  }
}

function writeBareRepo(repo: Repo): string {
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-test-git-'))
  mkdirSync(join(folder, 'refs'))
  writeFileSync(join(folder, 'HEAD'), 'ref: refs/heads/main\n')
  writeFileSync(join(folder, 'config'), '[core]\n\trepositoryformatversion = 0\n\tbare = true\n')
  for (const commit of repo.commits.values()) {
    for (const object of [commit.object, ...commit.trees.objects]) writeObject(folder, object)
    for (const file of commit.files.values()) {
      const bytes = file.lfs?.pointer ?? readAll(file.content)
      writeObject(folder, { type: 'blob', id: file.gitId, bytes })
    }
  }
  for (const [ref, id] of repo.refs) {
    mkdirSync(dirname(join(folder, ref)), { recursive: true })
    writeFileSync(join(folder, ref), `${id}\n`)
  }
  return folder
}

function writeObject(folder: string, { type, id, bytes }: GitObject): void {
  const file = join(folder, 'objects', id.slice(0, 2), id.slice(2))
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, deflateSync(Buffer.concat([Buffer.from(`${type} ${bytes.length}\0`), bytes])))
}
