/** Whether an environment variable says yes, by the words that huggingface_hub takes for it: 1, on, yes, true. */
export function isSwitchedOn(text: string | undefined): boolean {
  return ['1', 'on', 'yes', 'true'].includes((text ?? '').trim().toLowerCase())
}
