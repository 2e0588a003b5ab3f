// Paces a rate with nothing to send, and says the share of a core it took: `node pacing-program.ts RPS SECONDS`.
import { ArrivalSchedule } from '../../packages/generator/src/arrival-schedule.ts';
import { Metronome } from '../../packages/generator/src/metronome.ts';

const [rps = 0, seconds = 0] = process.argv.slice(2).map(Number);
const schedule = new ArrivalSchedule({ stages: [{ rps, durationS: seconds, rampS: 0 }], once: 0 });
const { promise: over, resolve: end } = Promise.withResolvers<void>();
let startMs = Number.POSITIVE_INFINITY;
let sent = 0;
const metronome = await Metronome.open(schedule, () => {
  const nowUs = (performance.now() - startMs) * 1000;
  while (sent < schedule.count && schedule.atUs(sent) <= nowUs) sent++;
  if (sent === schedule.count) end();
});
startMs = performance.now();
metronome.begin();
const before = process.cpuUsage();
await over;
const { user, system } = process.cpuUsage(before);
const coreShare = (user + system) / 1000 / (performance.now() - startMs);
await metronome.stop();
console.log(JSON.stringify({ coreShare }));
