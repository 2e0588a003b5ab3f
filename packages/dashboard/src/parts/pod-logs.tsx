// The newest lines that the containers of a replay's pods wrote, of all or of one.
import { Box, Group, Select, Text, Title } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { formatBytes, formatCount, formatTime } from '../format.ts';
import type { Seen } from '../observation-queries.ts';
import { containerKey } from '../pod-data.ts';
import classes from './pod-logs.module.css';

const SHOWN = 200;

export function PodLogs({ logs }: { logs: readonly Seen<'log'>[] }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const containers = [...new Set(logs.map(containerKey))].sort();
  const own = chosen === null ? logs : logs.filter((line) => containerKey(line) === chosen);
  const shown = own.slice(-SHOWN);
  // What was written last is what one looks for.
  const last = shown.at(-1);
  useEffect(() => {
    if (last && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [last]);
  return (
    <>
      <Group gap="sm" mb="xs">
        <Title order={3} size="h6">
          Logs
        </Title>
        <Text size="xs" c="dimmed">
          {own.length > SHOWN ? `the newest ${formatCount(SHOWN)} lines` : `${formatCount(own.length)} lines`}
        </Text>
        <Select
          ml="auto"
          w={280}
          maw="100%"
          aria-label="Logs of container"
          placeholder="All containers"
          clearable
          clearButtonProps={{ 'aria-label': 'All containers' }}
          data={containers}
          value={chosen}
          onChange={setChosen}
        />
      </Group>
      <Box ref={box} className={classes.lines ?? ''} role="region" aria-label="Log lines" tabIndex={0}>
        {shown.map((line, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: equal lines of one moment are told apart by nothing else.
          <div key={`${line.ts}${index}`} className={classes.line}>
            <span className={classes.faint} title={containerKey(line)}>
              {formatTime(line.ts)} {chosen === null && `${line.container} `}
            </span>
            {line.line}
            {line.cutBytes !== undefined && (
              <span className={classes.faint}> … {formatBytes(line.cutBytes)} cut off</span>
            )}
          </div>
        ))}
      </Box>
    </>
  );
}
