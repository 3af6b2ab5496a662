import { join, resolve } from 'node:path'
import { dfhfBinary } from '../../test/support/program/binary.ts'
import { clientVersions } from '../../test/support/python/client-versions.ts'
import { clientEnv } from '../../test/support/python/run-python.ts'
import { ensureVenv } from '../../test/support/python/venv.ts'
import { type BenchHub, fileName, repo } from './bench-hub.ts'
import { type Cost, measure, sum } from './measure.ts'

/** One way to get the file. */
export interface Contender {
  readonly name: string
  /** Whether the bytes are checked when it is done. */
  readonly isVerified: boolean
  /** The most that dfhf may take of its time, by the design; absent where nothing is asked. */
  readonly goal?: number
  /** Fetches the file into an empty folder. */
  fetch(folder: string): Promise<Cost>
  /** Asks for the same file again, which `fetch` has put in place. */
  fetchAgain?(folder: string): Promise<Cost>
}

/** How dfhf is run. */
interface DfhfOptions {
  /** @default 'dfhf download' */
  readonly name?: string
  /** @default 'download', with the Hub's one file */
  readonly command?: readonly string[]
  readonly flags?: readonly string[]
  /** What to put before the command. */
  readonly prefix?: readonly string[]
}

/** dfhf, as it comes: it looks for peers, finds none, checks all, and has the bytes on the medium when it ends. */
export function dfhf(
  binary: string,
  hub: Pick<BenchHub, 'url' | 'clientPrefix' | 'caFile'>,
  options: DfhfOptions = {},
): Contender {
  const {
    name = 'dfhf download',
    command = ['download', repo, fileName],
    flags = [],
    prefix = hub.clientPrefix,
  } = options
  const fetch = (folder: string) =>
    measure([...prefix, binary, ...command, '--quiet', ...flags], {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      ...trusting(hub.caFile),
      HF_HOME: join(folder, 'hf'),
      HF_ENDPOINT: hub.url,
    })
  return { name, isVerified: true, fetch, fetchAgain: fetch }
}

/** The programs of the options, or a new build; the first is the one that others are compared with. */
export async function dfhfBinaries(paths: readonly string[]): Promise<readonly [string, ...string[]]> {
  const [first, ...others] = paths.map((path) => resolve(path))
  return first === undefined ? [await dfhfBinary()] : [first, ...others]
}

/** aria2c with 8 connections and its own check. */
export function aria2(hub: BenchHub): Contender {
  return {
    name: 'aria2c -x8 -s8 --checksum',
    isVerified: true,
    goal: 0.5,
    fetch: (folder) =>
      measure(
        [
          ...hub.clientPrefix,
          'aria2c',
          '--no-conf',
          '--quiet',
          '-x8',
          '-s8',
          `--checksum=sha-256=${hub.sha256}`,
          `--dir=${folder}`,
          ...(hub.caFile === undefined ? [] : [`--ca-certificate=${hub.caFile}`]),
          `--out=${fileName}`,
          hub.fileUrl,
        ],
        plain(folder, hub.caFile),
      ),
  }
}

/** curl in one stream, then openssl. */
export function curl(hub: BenchHub): Contender {
  return {
    name: 'curl, then openssl dgst',
    isVerified: true,
    goal: 0.65,
    async fetch(folder) {
      const file = join(folder, fileName)
      const fetched = await measure(
        [...hub.clientPrefix, 'curl', '-sfL', '-o', file, hub.fileUrl],
        plain(folder, hub.caFile),
      )
      const checked = await measure(['openssl', 'dgst', '-sha256', '-r', file], plain(folder))
      if (!checked.stdout.startsWith(hub.sha256)) throw new Error('curl fetched wrong bytes')
      return sum(fetched, checked)
    },
  }
}

/** The official client of the newest 1.x over plain HTTP, as dfhf talks to the Hub. */
export async function huggingfaceHub(hub: BenchHub): Promise<Contender> {
  const python = await ensureVenv('hub-1', clientVersions['hub-1'])
  const version = await measure(
    [python, '-c', 'import huggingface_hub as h; print(h.__version__)'],
    plain('/'),
  )
  const script = `from huggingface_hub import hf_hub_download; print(hf_hub_download('${repo}', '${fileName}'))`
  const env = (folder: string) => ({
    ...clientEnv({ endpoint: hub.url, home: folder }),
    ...trusting(hub.caFile),
  })
  return {
    name: `hf_hub_download ${version.stdout.trim()}`,
    isVerified: false,
    goal: 0.7,
    fetch: (folder) => measure([...hub.clientPrefix, python, '-c', script], env(folder)),
    fetchAgain: (folder) =>
      measure(
        [...hub.clientPrefix, join(python, '../hf'), 'download', repo, fileName, '--quiet'],
        env(folder),
      ),
  }
}

function plain(home: string, caFile?: string): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: home, NO_PROXY: '*', ...trusting(caFile) }
}

/** The variables by which OpenSSL, curl and Python take one more authority. */
function trusting(caFile: string | undefined): Record<string, string> {
  return caFile === undefined
    ? {}
    : { SSL_CERT_FILE: caFile, CURL_CA_BUNDLE: caFile, REQUESTS_CA_BUNDLE: caFile }
}
