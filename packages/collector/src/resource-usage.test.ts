import { describe, expect, test } from 'vitest';
import { KubeletReadings, parseQuantity, readingsOfMetricsApi, samplesOf } from './resource-usage.ts';

const PAGE = (
  cpu: number,
  ms: number,
  memory = 4_194_304,
) => `# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="app",namespace="shop",pod="cart-1"} ${cpu} ${ms}
container_cpu_usage_seconds_total{container="app",namespace="other",pod="x"} 7 ${ms}
# TYPE container_memory_working_set_bytes gauge
container_memory_working_set_bytes{container="app",namespace="shop",pod="cart-1"} ${memory} ${ms}
container_memory_working_set_bytes{container="app",namespace="other",pod="x"} 5 ${ms}
node_cpu_usage_seconds_total 12.5 ${ms}
scrape_error 0
`;
const inShop = (namespace: string) => namespace === 'shop';

describe('/metrics/resource', () => {
  test('memory is read at once, CPU from the growth between two scrapes, of the wanted pods alone', () => {
    const kubelets = new KubeletReadings();
    const about = { namespace: 'shop', pod: 'cart-1', container: 'app' };
    expect(kubelets.read(PAGE(100, 1_700_000_000_000), inShop, 0)).toEqual([
      { ...about, ts: 1_700_000_000_000_000, cpuMillicores: null, memoryBytes: 4_194_304 },
    ]);
    expect(kubelets.read(PAGE(102.5, 1_700_000_010_000, 8), inShop, 0)).toEqual([
      { ...about, ts: 1_700_000_010_000_000, cpuMillicores: 250, memoryBytes: 8 },
    ]);
  });

  test.each([
    ['went back: the container began anew', 3, 1_700_000_010_000],
    ['was read at the same time', 105, 1_700_000_000_000],
  ])('CPU is not known when the counter %s', (_, cpu, ms) => {
    const kubelets = new KubeletReadings();
    kubelets.read(PAGE(100, 1_700_000_000_000), inShop, 0);
    expect(kubelets.read(PAGE(cpu, ms), inShop, 0)[0]!.cpuMillicores).toBeNull();
  });

  test('values and labels of the format are read: exponents, escapes, no time; NaN and rubbish are passed over', () => {
    expect(
      samplesOf(
        'a{x="1\\"2\\\\3\\n",y="{}, "} 1.5e+06\nb 2 3\nc NaN 1\nd +Inf\ne -1\n{} 1\nnonsense\n\n# HELP a b',
      ),
    ).toEqual([
      { name: 'a', labels: { x: '1"2\\3\n', y: '{}, ' }, value: 1_500_000, ts: null },
      { name: 'b', labels: {}, value: 2, ts: 3_000 },
    ]);
  });
});

test.each([
  ['12345678n', 0.012345678],
  ['250u', 0.00025],
  ['250m', 0.25],
  ['2', 2],
  ['1.5', 1.5],
  ['64Ki', 65_536],
  ['3Mi', 3_145_728],
  ['1e3', 1_000],
  ['2M', 2_000_000],
  ['', null],
  ['-1', null],
  ['12Q', null],
  ['NaN', null],
])('the quantity %j is %s', (text, value) => {
  const parsed = parseQuantity(text);
  if (value === null) expect(parsed).toBeNull();
  else expect(parsed).toBeCloseTo(value, 12);
});

test('a list of the metrics API is read; a container that cannot be is left out', () => {
  const list = {
    items: [
      {
        metadata: { namespace: 'shop', name: 'cart-1' },
        timestamp: '2026-01-02T03:04:05Z',
        containers: [
          { name: 'app', usage: { cpu: '12345678n', memory: '64Ki' } },
          { name: 'odd', usage: { cpu: 'much' } },
        ],
      },
      {
        metadata: { name: 'x' },
        timestamp: 'soon',
        containers: [{ name: 'a', usage: { cpu: '1', memory: '1' } }],
      },
    ],
  };
  expect(readingsOfMetricsApi(list)).toEqual([
    {
      ...{ namespace: 'shop', pod: 'cart-1', container: 'app', ts: Date.UTC(2026, 0, 2, 3, 4, 5) * 1000 },
      ...{ cpuMillicores: 12.346, memoryBytes: 65_536 },
    },
  ]);
  expect(readingsOfMetricsApi({})).toEqual([]);
});
