// uPlot as a component: it draws columns over time, follows width and colour scheme, and reports what the pointer is
// over and which span was dragged. It knows nothing of traffic.
import { useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { themeColor } from './theme-color.ts';

/** Px between times at least: `12:05:06` and air. */
const TIME_SPACE = 80;
/** Px across; a lone value is only its point. */
const POINT_SIZE = 5;

export interface PlotProps {
  /** What does not change with the data; give it a stable identity. Colours are names of the theme: `teal-6`. */
  series: readonly PlotSeries[];
  bands?: readonly PlotBand[];
  data: uPlot.AlignedData;
  height: number;
  /** Start and end of the x axis, s since the epoch. */
  span: [number, number];
  formatY: (value: number) => string;
  /** The y axis reaches at least this far up, so that it keeps sensible steps when little happens. */
  atLeastY: number;
  /** Plots with the same key share the pointer. */
  syncKey: string;
  showTimes: boolean;
  onHover: (index: number | null) => void;
  /** A span was dragged, s since the epoch. */
  onSelect: (from: number, to: number) => void;
}

export interface PlotSeries {
  color: string;
  kind: 'bars' | 'line' | 'faint-line';
}

export interface PlotBand {
  series: [number, number];
  color: string;
}

export function Plot(props: PlotProps) {
  // Colours are read from the page once, when a plot is made: another scheme is another plot.
  const scheme = useComputedColorScheme('light');
  return <Canvas key={scheme} {...props} />;
}

function Canvas(props: PlotProps) {
  const { series, bands, data, height, syncKey, showTimes } = props;
  const { ref: measured, width } = useElementSize<HTMLDivElement>();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    const options = plotOptions({ series, bands: bands ?? [], height, syncKey, showTimes }, latest);
    const made = new uPlot(options, latest.current.data, box.current!);
    plot.current = made;
    return () => made.destroy();
  }, [series, bands, height, syncKey, showTimes]);

  useEffect(() => {
    if (width > 0) plot.current?.setSize({ width, height });
  }, [width, height]);

  useEffect(() => plot.current?.setData(data), [data]);

  return (
    <div ref={measured} style={{ height, overflow: 'hidden' }}>
      <div ref={box} />
    </div>
  );
}

type Fixed = Required<Pick<PlotProps, 'series' | 'bands' | 'height' | 'syncKey' | 'showTimes'>>;

function plotOptions(
  { series, bands, height, syncKey, showTimes }: Fixed,
  latest: { current: PlotProps },
): uPlot.Options {
  const text = themeColor('dimmed');
  const grid = { stroke: themeColor('default-border'), width: 1 };
  const axis = { stroke: text, grid, ticks: { show: false }, font: '11px system-ui, sans-serif' };
  return {
    width: 600,
    height,
    padding: [8, 20, showTimes ? 0 : 4, 0],
    legend: { show: false },
    cursor: {
      sync: { key: syncKey },
      y: false,
      points: { show: false },
      drag: { x: true, y: false, setScale: false },
    },
    scales: {
      x: { time: true, range: () => latest.current.span },
      y: {
        range: (_, min, max) => [
          Math.min(0, (min ?? 0) * 1.1),
          Math.max((max ?? 0) * 1.1, latest.current.atLeastY),
        ],
      },
    },
    axes: [
      {
        ...axis,
        size: showTimes ? 30 : 0,
        gap: 10,
        space: TIME_SPACE,
        values: showTimes ? timeLabels : () => [],
      },
      {
        ...axis,
        size: 64,
        space: 28,
        values: (_, ticks) => ticks.map((tick) => latest.current.formatY(tick)),
      },
    ],
    series: [{}, ...series.map(drawn)],
    bands: bands.map((band) => ({ series: band.series, fill: themeColor(band.color, 0.15) })),
    hooks: {
      setCursor: [(u) => latest.current.onHover(u.cursor.idx ?? null)],
      setSelect: [(u) => select(u, latest.current.onSelect)],
    },
  };
}

function drawn({ color, kind }: PlotSeries): uPlot.Series {
  const stroke = themeColor(color);
  if (kind === 'bars') {
    const paths = uPlot.paths.bars!({ size: [0.8, 40], align: 1 });
    return { stroke, fill: stroke, width: 0, paths, points: { show: false } };
  }
  const width = kind === 'line' ? 1.6 : 0.8;
  return { stroke, width, points: { size: POINT_SIZE, fill: stroke } };
}

/** Hours, minutes and, where steps are short, seconds; the day where it changes. */
function timeLabels(_: uPlot, ticks: number[]): string[] {
  const step = (ticks[1] ?? 0) - (ticks[0] ?? 0);
  const time: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  const format = new Intl.DateTimeFormat(
    undefined,
    step >= 86_400 ? { day: '2-digit', month: 'short' } : step < 60 ? { ...time, second: '2-digit' } : time,
  );
  return ticks.map((tick) => format.format(tick * 1_000));
}

function select(u: uPlot, onSelect: PlotProps['onSelect']): void {
  const { left, width } = u.select;
  if (width < 8) return;
  onSelect(u.posToVal(left, 'x'), u.posToVal(left + width, 'x'));
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}
