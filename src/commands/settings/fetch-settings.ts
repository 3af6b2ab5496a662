import { expandPath } from '../../base/expand-path.ts'
import { repoTypes } from '../../repo/repo.ts'
import { parseCount, parseHttpUrl } from './parse-values.ts'
import { list, optional, optionalChoice, required, toggle } from './setting.ts'
import { groups } from './setting-groups.ts'

/** Settings of what a fetch gets and where it puts it. */
export const fetchSettings = {
  repoType: optionalChoice(
    {
      flag: 'repo-type',
      alias: 'type',
      value: '<type>',
      env: [],
      isFlagOnly: true,
      group: groups.what,
      help: 'kind of repo, model if nothing says otherwise',
    },
    repoTypes,
  ),
  revision: optional(
    {
      flag: 'revision',
      value: '<revision>',
      env: [],
      isFlagOnly: true,
      group: groups.what,
      help: 'branch, tag, commit or refs/pr/N; main if nothing says otherwise',
    },
    (text) => text,
  ),
  include: list({
    flag: 'include',
    value: '<pattern>',
    env: [],
    isFlagOnly: true,
    group: groups.what,
    help: 'only files that match; one pattern a flag, * crosses slashes; repeatable',
  }),
  exclude: list({
    flag: 'exclude',
    value: '<pattern>',
    env: [],
    isFlagOnly: true,
    group: groups.what,
    help: 'no files that match; repeatable',
  }),
  forceDownload: toggle({
    flag: 'force-download',
    env: [],
    isFlagOnly: true,
    group: groups.what,
    help: 'fetch again what is here already',
  }),
  dryRun: toggle({
    flag: 'dry-run',
    env: [],
    isFlagOnly: true,
    group: groups.what,
    help: 'say what would be fetched, or by prune removed, and change nothing',
  }),
  cacheDir: optional(
    {
      flag: 'cache-dir',
      value: '<folder>',
      env: ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE'],
      fallbackText: '$HF_HOME/hub',
      group: groups.where,
      help: 'root of the Hugging Face cache',
    },
    expandPath,
  ),
  localDir: optional(
    {
      flag: 'local-dir',
      value: '<folder>',
      env: [],
      isFlagOnly: true,
      group: groups.where,
      help: 'put plain files here instead of into the cache',
    },
    expandPath,
  ),
  on: optional(
    {
      flag: 'on',
      value: '<url>',
      env: [],
      isFlagOnly: true,
      group: groups.where,
      help: 'fetch into the store of the node whose gateway this is, such as http://node:65001, not onto this machine',
    },
    parseHttpUrl,
  ),
  warmTokenFile: optional(
    {
      flag: 'warm-token-file',
      value: '<file>',
      env: ['DFHF_WARM_TOKEN_FILE'],
      group: groups.where,
      help: "secret by which other machines may order fetches into a node's store: that node has it, and --on sends it; after a change the node takes the old one for two more minutes, and none once the file is empty",
    },
    expandPath,
  ),
  noSymlinks: toggle({
    flag: 'no-symlinks',
    env: ['HF_HUB_DISABLE_SYMLINKS'],
    group: groups.where,
    help: 'no links in the cache: files stand in the snapshot folder itself',
  }),
  maxWorkers: required(
    {
      flag: 'max-workers',
      value: '<n>',
      env: ['DFHF_MAX_WORKERS'],
      group: groups.speed,
      help: 'most files in flight at once; unless it is given, of small ones as many as pay off, up to 64',
    },
    8,
    parseCount(1),
  ),
} as const
