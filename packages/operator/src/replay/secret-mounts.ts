// The Secrets of `secretRefs` as generators and responders get them: files by which transforms look them up, and one name that is
// the responders' own. Pure.
import type { TrafficReplay } from './replay-object.ts';
import { FOLDERS } from './replay-pods.ts';

/** The `as` of the Secret that holds where several responders share their state. */
export const STATE_URL = 'state-url';

type Refs = TrafficReplay['spec']['secretRefs'];

interface SecretMount {
  name: string;
  secret: string;
  folder: string;
  items: { key: string; path: string }[];
}

/** One mount for each `as`: a file for each key, and `value` for the first. */
export function secretMounts({ spec }: Pick<TrafficReplay, 'spec'>): SecretMount[] {
  return Object.entries(byName(spec.secretRefs)).map(([as, refs], index) => {
    const keys = [...new Set(refs.map(({ key }) => key))];
    const items = keys.map((key) => ({ key, path: key }));
    const first = keys.includes('value') ? [] : [{ key: keys[0]!, path: 'value' }];
    const [{ name: secret }] = refs as [Refs[number]];
    return {
      name: `secret-${index}`,
      secret,
      folder: `${FOLDERS.secrets}/${as}`,
      items: [...first, ...items],
    };
  });
}

/** Where programs look for them; nothing without any. */
export function secretsEnv(replay: Pick<TrafficReplay, 'spec'>): { SECRETS_DIR?: string } {
  return secretMounts(replay).length > 0 ? { SECRETS_DIR: FOLDERS.secrets } : {};
}

/** The environment variable with where responders share their state; nothing when no Secret says it. */
export function stateEnv({ spec }: Pick<TrafficReplay, 'spec'>) {
  const { name, key } = spec.secretRefs.find(({ as }) => as === STATE_URL) ?? {};
  if (name === undefined) return [];
  return [{ name: 'ECHOPLANE_STATE_URL', valueFrom: { secretKeyRef: { name, key } } }];
}

/** Names that several Secrets would have. */
export function sharedNames(refs: Refs): string[] {
  return Object.entries(byName(refs)).flatMap(([as, all]) =>
    all.some(({ name }) => name !== all[0]!.name) ? [as] : [],
  );
}

function byName(refs: Refs): Record<string, Refs> {
  const own = refs.filter(({ as }) => as !== STATE_URL);
  return Object.fromEntries(own.map(({ as }) => [as, own.filter((ref) => ref.as === as)]));
}
