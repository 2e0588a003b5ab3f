// How an upgrade goes, judged from what is wished, what is installed and the time. Pure.
//
//   waiting ─in the window─▶ forwarder ─healthy─▶ inspector ─healthy─▶ operator ─healthy─▶ done
//                                └────── not healthy in time ──────┴─▶ failed: everything as before
import type { DesiredRelease } from '@echoplane/api';
import type { InstallConfig } from '@echoplane/resources';
import { z } from 'zod';

const STAGES = ['forwarder', 'inspector', 'operator'] as const;
export type UpgradedComponent = (typeof STAGES)[number];

/** What is remembered of an upgrade, in a ConfigMap. */
export const Upgrade = z.object({
  version: z.string(),
  /** Image of the release, by digest. */
  image: z.string(),
  /** Image of install.json when it began: a chart upgrade ends all this. */
  base: z.string(),
  /** Image before. */
  previous: z.string(),
  stage: z.enum([...STAGES, 'done', 'failed']),
  /** When the stage began, ms. */
  since: z.number(),
  reason: z.string().optional(),
});
export type Upgrade = z.infer<typeof Upgrade>;

export interface UpgradeFacts {
  install: Pick<InstallConfig, 'image' | 'updates' | 'maintenanceWindow' | 'dashboardAccess'>;
  releases: readonly DesiredRelease[];
  /** Version that runs. */
  version: string;
  /** Who else keeps our manifests (argocd, flux); null for nobody. */
  managedBy: string | null;
  upgrade: Upgrade | null;
  /** Whether the component of the current stage runs its image and is ready. */
  isHealthy: boolean;
  nowMs: number;
}
export type UpgradeStep =
  | { do: 'nothing' }
  /** A newer version is there and somebody else must take it. */
  | { do: 'tell'; release: DesiredRelease; message: string }
  | { do: 'remember'; upgrade: Upgrade | null };

export const STAGE_DEADLINE_MS = 600_000;

export function planUpgrade(facts: UpgradeFacts): UpgradeStep {
  const { install, upgrade, nowMs } = facts;
  if (upgrade && upgrade.base !== install.image) return { do: 'remember', upgrade: null };
  if (upgrade && isStage(upgrade.stage)) return nextStage(facts, upgrade, upgrade.stage);
  const release = wishedRelease(facts);
  if (!release) return { do: 'nothing' };
  const refusal = refusalOf(facts);
  if (refusal !== null)
    return { do: 'tell', release, message: `Version ${release.version} is there; ${refusal}` };
  const previous = upgrade?.stage === 'done' ? upgrade.image : install.image;
  const image = `${repositoryOf(install.image)}@${release.image}`;
  // What failed is not tried again by itself.
  if (image === previous || (upgrade?.stage === 'failed' && upgrade.image === image))
    return { do: 'nothing' };
  if (nowMs * 1_000 < release.notBefore || !isInWindow(install.maintenanceWindow, nowMs))
    return { do: 'nothing' };
  const begun = { version: release.version, image, base: install.image, previous };
  return { do: 'remember', upgrade: { ...begun, stage: 'forwarder', since: nowMs } };
}

function nextStage(
  { install, isHealthy, nowMs }: UpgradeFacts,
  upgrade: Upgrade,
  stage: UpgradedComponent,
): UpgradeStep {
  if (isHealthy) {
    const left = STAGES.slice(STAGES.indexOf(stage) + 1).filter(
      (one) => one !== 'inspector' || install.dashboardAccess,
    );
    return { do: 'remember', upgrade: { ...upgrade, stage: left[0] ?? 'done', since: nowMs } };
  }
  if (nowMs - upgrade.since < STAGE_DEADLINE_MS) return { do: 'nothing' };
  const reason = `the ${stage} was not ready within ${STAGE_DEADLINE_MS / 60_000} minutes`;
  return { do: 'remember', upgrade: { ...upgrade, stage: 'failed', since: nowMs, reason } };
}

/** The release that this installation would take or be told of: newer than what runs. */
function wishedRelease({ install, releases, version }: UpgradeFacts): DesiredRelease | null {
  const channel = install.updates === 'off' ? 'stable' : install.updates;
  const release = releases.find((one) => one.channel === channel);
  return release && isNewer(release.version, version) ? release : null;
}

function refusalOf({ install, managedBy }: UpgradeFacts): string | null {
  if (managedBy !== null) return `this installation is kept by ${managedBy}: change the version there.`;
  return install.updates === 'off' ? 'updates are off: change the version with helm upgrade.' : null;
}

/** The image a component is to run. */
export function imageOf(
  component: UpgradedComponent,
  install: Pick<InstallConfig, 'image'>,
  upgrade: Upgrade | null,
): string {
  if (!upgrade || upgrade.base !== install.image) return install.image;
  if (!isStage(upgrade.stage)) return upgrade.stage === 'done' ? upgrade.image : upgrade.previous;
  return STAGES.indexOf(component) <= STAGES.indexOf(upgrade.stage) ? upgrade.image : upgrade.previous;
}

function isStage(stage: Upgrade['stage']): stage is UpgradedComponent {
  return stage !== 'done' && stage !== 'failed';
}

/** `registry:5000/echoplane:1.2` → `registry:5000/echoplane` */
export function repositoryOf(image: string): string {
  return image.replace(/@sha256:[0-9a-f]+$/, '').replace(/:[^:/]+$/, '');
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const HOUR_MS = 3_600_000;

/** Whether versions may change now; a window that begins before midnight reaches into the next day. */
export function isInWindow(window: InstallConfig['maintenanceWindow'], nowMs: number): boolean {
  if (window === null) return true;
  const [hours = 0, minutes = 0] = window.from.split(':').map(Number);
  const sinceBegin = (daysAgo: number) => {
    const begin = new Date(nowMs - daysAgo * 24 * HOUR_MS);
    const isDay = window.days.some((day) => day === DAYS[begin.getUTCDay()]);
    return isDay ? nowMs - begin.setUTCHours(hours, minutes, 0, 0) : -1;
  };
  return [0, 1].some((daysAgo) => {
    const since = sinceBegin(daysAgo);
    return since >= 0 && since < window.hours * HOUR_MS;
  });
}

/** Semantic versions, 2.0.0 section 11; a pre-release comes before its release. */
export function isNewer(candidate: string, than: string): boolean {
  const [a, b] = [partsOf(candidate), partsOf(than)];
  for (let i = 0; i < 3; i++) if (a.numbers[i] !== b.numbers[i]) return a.numbers[i]! > b.numbers[i]!;
  if (a.pre === b.pre) return false;
  if (a.pre === '' || b.pre === '') return a.pre === '';
  return a.pre.localeCompare(b.pre, 'en', { numeric: true }) > 0;
}

function partsOf(version: string): { numbers: number[]; pre: string } {
  const [core = '', ...rest] = version.split('-');
  return { numbers: core.split('.').map((part) => Number(part) || 0), pre: rest.join('-') };
}
