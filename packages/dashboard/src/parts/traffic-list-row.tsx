// One row of the traffic list. The whole row is the link that opens its pair.
import type { TrafficRow } from '@echoplane/api';
import { Badge, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import {
  formatBytes,
  formatDate,
  formatDay,
  formatDuration,
  formatTime,
  NONE,
  statusColor,
} from '../format.ts';
import { INBOUND, OUTBOUND } from '../theme.ts';
import classes from './traffic-list.module.css';

interface TrafficListRowProps {
  row: TrafficRow;
  index: number;
  /** px from the top of the list. */
  offset: number;
  height: number;
  open: boolean;
}

export const TrafficListRow = memo(({ row, index, offset, height, open }: TrafficListRowProps) => {
  const target = `${row.host}${row.path}`;
  const status = row.status ?? row.error ?? NONE;
  const day = isToday(row.ts) ? '' : `${formatDay(row.ts)} `;
  return (
    <tr
      aria-rowindex={index + 2}
      className={classes.row}
      data-open={open || undefined}
      style={{ height, transform: `translateY(${offset}px)` }}
    >
      <td className={classes.time} title={formatDate(row.ts)}>
        {day}
        {formatTime(row.ts)}
      </td>
      <td className={classes.direction}>
        <Badge size="sm" color={row.direction === 'IN' ? INBOUND : OUTBOUND}>
          {row.direction === 'IN' ? 'IN' : 'OUT'}
        </Badge>
      </td>
      <td className={classes.method}>{row.method || row.protocol}</td>
      <td className={classes.target} title={target}>
        <Link
          to="/traffic"
          search={(search) => ({ ...search, pair: row.id })}
          className={classes.link ?? ''}
          aria-label={`${row.method || row.protocol} ${target} ${status}`}
          resetScroll={false}
        >
          <Text span inherit c="dimmed">
            {row.host}
          </Text>
          {row.path}
        </Link>
      </td>
      <td className={classes.endpoint} title={row.endpoint}>
        {row.endpoint}
      </td>
      <td className={classes.status}>
        <Badge
          size="sm"
          color={row.lost === null ? statusColor(row.status) : 'gray'}
          maw="100%"
          title={row.lost === null ? String(status) : `${status}; headers and bodies were lost: ${row.lost}`}
        >
          {row.lost === null ? status : `${status} lost`}
        </Badge>
      </td>
      <td className={classes.latency}>{formatDuration(row.latencyUs)}</td>
      <td className={classes.size} title={`Request ${formatBytes(row.requestBytes)}`}>
        {formatBytes(row.responseBytes)}
      </td>
      <td className={classes.service} title={row.service}>
        {row.workload}
      </td>
    </tr>
  );
});

function isToday(us: number): boolean {
  return new Date(us / 1_000).toDateString() === new Date().toDateString();
}
