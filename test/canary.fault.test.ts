// No planted secret leaves: what sidecars capture of real clients goes through a real forwarder and a real control plane,
// and then every byte that lies or went anywhere is searched. The same traffic without redaction shows that the search sees.
import { afterEach, expect, test } from 'vitest';
import { CANARIES } from './canaries.ts';
import { PLANTS } from './canary-plants.ts';
import { CanarySearch } from './canary-search.ts';
import { CanaryStage } from './canary-stage.ts';

/** Of what escaped; one carrier that leaks shows in many places. */
const MOST_TOLD = 40;

let stage: CanaryStage | undefined;
afterEach(async () => {
  await stage?.close();
  stage = undefined;
});

const nameOf = (url: string) => /\/c\/([\w-]+)/.exec(url)?.[1] ?? '';

test('no planted secret leaves, whatever carries it and wherever one looks', async () => {
  stage = await CanaryStage.open({});
  await stage.traffic();
  const pairs = await stage.pairs();
  const names = new Set(pairs.map(({ pair }) => nameOf(pair.request?.url ?? '')));
  expect(PLANTS.filter(({ name }) => !names.has(name)).map(({ name }) => name)).toEqual([]);
  expect(pairs.filter(({ held }) => held).length).toBeGreaterThan(10);
  const { guard } = await stage.status();
  const places = await stage.places();
  const search = new CanarySearch(CANARIES);
  const escaped = [...places].flatMap(([place, bytes]) =>
    search
      .in(bytes)
      .map(({ of, form, through, excerpt }) => `${of} in ${place} (${form} ${through}): ${excerpt}`),
  );
  const { needles, views, bytes } = search;
  console.log(
    `canaries: ${CANARIES.length} secrets in ${needles.length} forms, planted by ${PLANTS.length} carriers in ${stage.sent} exchanges (${pairs.length} pairs), ` +
      `searched in ${places.size} places: ${views} texts, ${(bytes / 1e6).toFixed(1)} MB; escaped: ${escaped.length}`,
  );
  expect(escaped.slice(0, MOST_TOLD)).toEqual([]);
  expect(guard.alarms).toEqual({});
});

test('the search sees: without redaction every canary of every carrier is found', async () => {
  stage = await CanaryStage.open({ enabled: false });
  await stage.traffic();
  const pairs = await stage.pairs();
  const search = new CanarySearch(CANARIES);
  const unseen: string[] = [];
  for (const { name, holds } of PLANTS) {
    const lines = pairs
      .filter(({ pair }) => nameOf(pair.request?.url ?? '') === name)
      .map(({ line }) => line);
    const found = new Set(lines.flatMap((line) => search.in(line).map(({ of }) => of)));
    for (const { kind } of holds) if (!found.has(kind)) unseen.push(`${name}: ${kind}`);
  }
  expect(unseen).toEqual([]);
});
