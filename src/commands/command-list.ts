import { exitCodes } from '../base/error-table.ts'
import { cacheActions } from './settings/options.ts'
import type { CommandName } from './settings/settings.ts'

/** What the help says of one command. */
export interface CommandText {
  readonly arguments: readonly {
    readonly name: string
    readonly help: string
    readonly choices?: readonly string[]
  }[]
  readonly summary: string
  readonly description: string
  /** Command lines, each with what it does. */
  readonly examples: readonly { readonly line: string; readonly help: string }[]
}

const repo = {
  name: '<repo>',
  help: 'org/name, datasets/org/name, spaces/org/name, with or without @revision; hf://… or a URL of the Hub',
}

/** The commands that take settings, in the order of the help. */
export const commandList: Readonly<Record<CommandName, CommandText>> = {
  download: {
    arguments: [
      repo,
      { name: '[files...]', help: 'paths in the repo; a folder ends in /; none means the whole repo' },
    ],
    summary: 'get files of a repo and print the path where they are',
    description: paragraph(
      'Gets files of a repo from the cache, from peers and from the Hub, checks them, and prints where they are:',
      'the file for exactly one file name, otherwise the snapshot folder. A name that the repo lacks is an error',
      '(exit 3), also among several. Run again after an interruption, it goes on where it stopped.',
    ),
    examples: [
      { line: 'dfhf download gpt2 config.json', help: 'one file into the Hugging Face cache' },
      { line: 'dfhf download org/model@v1.0 weights/ config.json', help: 'a folder and a file of a tag' },
      { line: "dfhf download datasets/org/data --include '*.parquet'", help: 'by pattern' },
      { line: 'dfhf download gpt2 --local-dir ./gpt2', help: 'plain files in a folder of your own' },
    ],
  },
  snapshot: {
    arguments: [{ ...repo, name: '[repo]' }],
    summary: 'get whole repos, or what patterns leave of them',
    description: paragraph(
      'Gets all files of a repo at one revision and prints the snapshot folder. What is here in any',
      'revision is used again. With --from it gets every repo of a list and prints a folder a line; a repo that fails',
      'keeps none of the others from coming, and the exit code is that of the worst failure: 1, 5, 7, 4, 3, 2, 6 in',
      'this order. --lock writes down what came, and --locked gets exactly that again.',
    ),
    examples: [
      { line: 'dfhf snapshot org/model', help: 'the whole repo' },
      { line: "dfhf snapshot org/model --exclude '*.bin' --dry-run", help: 'say what would be fetched' },
      { line: 'dfhf snapshot org/model --on http://node7:65001', help: "into another node's store" },
      {
        line: 'dfhf snapshot --from models.txt --lock models.lock',
        help: 'every repo of a list, written down',
      },
      { line: 'dfhf snapshot --locked models.lock', help: 'exactly the same files on any machine' },
    ],
  },
  serve: {
    arguments: [],
    summary: 'share what is on this machine, and be a Hub mirror for its tools',
    description: paragraph(
      'Shares the blobs of the Hugging Face cache and of its own store with peers, and answers other tools as a',
      'mirror of the Hub (HF_ENDPOINT=http://127.0.0.1:65001) and as an HTTP proxy. Stops politely on SIGTERM.',
    ),
    examples: [
      { line: 'dfhf serve', help: 'peers on port 65002, tools of this machine on 127.0.0.1:65001' },
      {
        line: 'dfhf serve --fetch-for-peers --store-quota 500GB',
        help: 'a node that asks the Hub for others',
      },
      { line: 'dfhf serve --seeds dfhf.default.svc:65002 --no-multicast', help: 'in Kubernetes' },
    ],
  },
  cache: {
    arguments: [
      { name: '<action>', help: 'ls, verify or prune', choices: cacheActions },
      { ...repo, name: '[repo]' },
    ],
    summary: 'list, check or clear what is on this machine',
    description: paragraph(
      "ls says what the Hugging Face cache and dfhf's own store hold. verify reads every blob and tells which do not",
      'hold what their names say (exit 5), and with --repair fetches what is wrong of them. prune removes what killed',
      'runs left, with --store-quota blobs of the store past it, and with --hf-cache blobs that no snapshot refers to;',
      'never what another process holds, and nothing behind a link that leads elsewhere.',
    ),
    examples: [
      { line: 'dfhf cache ls --json', help: 'repos, revisions and blobs with sizes and last use' },
      {
        line: 'dfhf cache verify org/model --repair',
        help: 'check the blobs of one repo, and put them right',
      },
      { line: 'dfhf cache prune --dry-run', help: 'say what would be removed' },
    ],
  },
  config: {
    arguments: [
      {
        name: '[command]',
        help: 'the command whose settings to show; every setting if left out',
        choices: ['download', 'snapshot', 'serve', 'cache'],
      },
    ],
    summary: 'show every setting in force and where it comes from',
    description: paragraph(
      'Shows the value of every setting and whether a flag, a variable, the config file or the default gives it.',
      'Secrets are masked. With a command it shows what that command would work with, its own table of the config',
      'file included; the same flags may be given.',
    ),
    examples: [
      { line: 'dfhf config', help: 'all settings' },
      { line: 'dfhf config serve --gateway 7777', help: 'what dfhf serve --gateway 7777 would work with' },
    ],
  },
}

/** What stands below the options of every command. */
export const closingHelp = `
Every option may also be set by its variable, or in the config file by its name without dashes; a flag goes before the
variable, that before the file. --no-… undoes a switch. HF_HOME, HF_TOKEN, HTTP_PROXY, HTTPS_PROXY, NO_PROXY,
SSL_CERT_FILE and NO_COLOR mean what they mean elsewhere.

${exitCodesText()}
`

/** Joins lines to one paragraph, which the help wraps itself: line breaks here are for readers of this file. */
function paragraph(...lines: string[]): string {
  return lines.join(' ')
}

/** Every exit code in words, on lines as wide as those around it. */
function exitCodesText(): string {
  const list = Object.entries(exitCodes).map(([code, words]) => `${code} ${words}`)
  const text = `Exit codes: ${list.join(', ')}; what was fetched is kept.`
  return text.replace(/(.{1,116})(?: |$)/g, '$1\n').trimEnd()
}
