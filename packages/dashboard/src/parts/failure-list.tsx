// Failed assertions, one line each, each opening to its differences.
import type { AssertionResult, Finding } from '@echoplane/traffic';
import { Accordion, Badge, Button, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { formatCount, NONE, statusColor } from '../format.ts';
import { DifferenceTable } from './difference-table.tsx';
import { TextLink } from './text-link.tsx';

const FIRST = 10;

interface FailureListProps {
  failures: AssertionResult[];
  /** The finding they are listed under. */
  highlight: Finding | null;
}

export function FailureList({ failures, highlight }: FailureListProps) {
  const [all, setAll] = useState(false);
  const shown = all ? failures : failures.slice(0, FIRST);
  return (
    <>
      <Accordion
        multiple
        keepMounted={false}
        order={4}
        defaultValue={[failures[0]?.test ?? '']}
        chevronPosition="left"
      >
        {shown.map((failure) => (
          <Accordion.Item key={failure.test} value={failure.test}>
            <Accordion.Control py={0}>
              <Group gap="sm" wrap="nowrap">
                <Text size="xs" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
                  {failure.method} {failure.target}
                </Text>
                <Badge
                  size="sm"
                  ml="auto"
                  mr="sm"
                  style={{ flexShrink: 0 }}
                  color={statusColor(failure.actualStatus)}
                >
                  {describeStatus(failure)}
                </Badge>
              </Group>
            </Accordion.Control>
            <Accordion.Panel>
              <Failure failure={failure} highlight={highlight} />
            </Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
      {shown.length < failures.length && (
        <Button variant="subtle" mt="xs" onClick={() => setAll(true)}>
          Show all {formatCount(failures.length)}
        </Button>
      )}
    </>
  );
}

function Failure({ failure, highlight }: { failure: AssertionResult; highlight: Finding | null }) {
  return (
    <>
      <DifferenceTable failure={failure} highlight={highlight} />
      <Group gap="lg" mt="xs">
        {failure.result && <PairLink id={failure.result}>Live answer</PairLink>}
        <PairLink id={failure.test}>Recorded pair</PairLink>
        <Text size="xs" c="dimmed">
          Session {failure.session || NONE}
          {failure.headless && ' · outside the verdict'}
        </Text>
      </Group>
    </>
  );
}

function PairLink({ id, children }: { id: string; children: string }) {
  return (
    <TextLink
      from="/reports/$replayId"
      to="."
      search={(kept) => ({ ...kept, pair: id })}
      resetScroll={false}
      size="xs"
    >
      {children}
    </TextLink>
  );
}

function describeStatus({ expectedStatus, actualStatus }: AssertionResult): string {
  if (actualStatus === null) return `${expectedStatus} → no answer`;
  return actualStatus === expectedStatus ? String(actualStatus) : `${expectedStatus} → ${actualStatus}`;
}
