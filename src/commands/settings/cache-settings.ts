import { parseDuration } from './parse-values.ts'
import { required, toggle } from './setting.ts'
import { groups } from './setting-groups.ts'

/** Settings of what `cache` does with what is on this machine. */
export const cacheSettings = {
  repair: toggle({
    flag: 'repair',
    env: [],
    isFlagOnly: true,
    group: groups.what,
    help: 'with verify: fetch what is wrong of blobs, and take those out of the store that cannot be had',
  }),
  hfCache: toggle({
    flag: 'hf-cache',
    env: [],
    isFlagOnly: true,
    group: groups.what,
    help: 'with prune: also remove blobs of the Hugging Face cache that no snapshot refers to',
  }),
  olderThan: required(
    {
      flag: 'older-than',
      value: '<span>',
      env: ['DFHF_OLDER_THAN'],
      fallbackText: '7d',
      group: groups.what,
      help: 'with prune: how long ago what it removes was last written, at least',
    },
    7 * 24 * 3_600_000,
    parseDuration,
  ),
} as const
