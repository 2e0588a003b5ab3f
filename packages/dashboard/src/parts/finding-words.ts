// How sure a finding is, in words.

/** `> 99.9 % sure`; never 100 %: chance is small, not none. */
export function surely(confidence: number | null): string {
  if (confidence === null) return 'too few samples to be sure';
  return confidence > 0.999 ? '> 99.9 % sure' : `${Math.floor(confidence * 1000) / 10} % sure`;
}
