import { join } from 'node:path'
import { type ProcessOptions, type ProcessResult, runProcess } from './run-process.ts'

/** Runs a script's text, or a file when it ends in `.py`, with the Python that `ensureVenv` gave. */
export function runPython(
  python: string,
  script: string,
  env: Readonly<Record<string, string>>,
  options: Omit<ProcessOptions, 'env'> = {},
): Promise<ProcessResult> {
  const args = script.endsWith('.py') ? [script] : ['-c', script]
  return runProcess([python, ...args], { ...options, env })
}

/** What the environment of a real client is made of. */
export interface ClientSurroundings {
  readonly endpoint: string
  /** HOME and HF_HOME; fresh for each test. */
  readonly home: string
  readonly token?: string
  /** A file with the certificate of an https endpoint. */
  readonly caFile?: string
  /** Lets the client use Xet where it is announced. @default false */
  readonly usesXet?: boolean
}

/** An environment in which a Hugging Face client talks to the endpoint and to nothing else. */
export function clientEnv(surroundings: ClientSurroundings): Record<string, string> {
  const { endpoint, home, token, caFile, usesXet } = surroundings
  return {
    PATH: process.env.PATH ?? '',
    HOME: home,
    HF_HOME: join(home, 'hf'),
    HF_ENDPOINT: endpoint,
    HF_HUB_DISABLE_TELEMETRY: '1',
    DO_NOT_TRACK: '1',
    HF_HUB_DISABLE_UPDATE_CHECK: '1',
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
    HF_HUB_DISABLE_EXPERIMENTAL_WARNING: '1',
    NO_PROXY: '127.0.0.1,127.0.0.2,localhost',
    ...(usesXet ? {} : { HF_HUB_DISABLE_XET: '1' }),
    ...(token !== undefined && { HF_TOKEN: token }),
    ...(caFile !== undefined && { SSL_CERT_FILE: caFile, REQUESTS_CA_BUNDLE: caFile }),
  }
}
