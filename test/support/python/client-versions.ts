/** The releases of huggingface_hub that everything must work with, by the name of their environment. */
export const clientVersions = {
  'hub-0': ['huggingface_hub==0.36.2'],
  'hub-1': ['huggingface_hub<2'],
  'hub-2': ['huggingface_hub>=2,<3'],
} as const satisfies Record<string, readonly string[]>
