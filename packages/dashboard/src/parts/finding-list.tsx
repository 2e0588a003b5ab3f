// What the replay found, fault by fault, each with the failed assertions that show it.
import type { Finding, Report } from '@echoplane/traffic';
import { Accordion, Alert, Badge, Flex, Group, Paper, Stack, Text, Title } from '@mantine/core';
import { type FailureGroup, groupFailures } from '../failure-groups.ts';
import { formatCount, plural } from '../format.ts';
import { FailureList } from './failure-list.tsx';
import { surely } from './finding-words.ts';
import { CheckIcon } from './icons.tsx';
import { TextLink } from './text-link.tsx';

const KINDS: Record<Finding['kind'], { words: string; color: string }> = {
  assertion: { words: 'Answer differs', color: 'red' },
  slower: { words: 'Slower', color: 'orange' },
  'mock-miss': { words: 'No mock', color: 'grape' },
  run: { words: 'Run', color: 'yellow' },
};

export function FindingList({ report }: { report: Report }) {
  const { groups, others } = groupFailures(report);
  const nothing = groups.length === 0 && others.length === 0;
  return (
    <Stack component="section" aria-label="Findings" gap="xs">
      <Title order={2} size="h5">
        Findings
      </Title>
      {nothing && (
        <Alert color="green" icon={<CheckIcon />} p="sm">
          Nothing differs from the recording but what changes each time.
        </Alert>
      )}
      {!nothing && (
        <Accordion variant="separated" multiple keepMounted={false} order={3} defaultValue={['0']}>
          {groups.map((group, index) => (
            <FindingItem
              key={`${group.finding.sentence}${group.finding.path}`}
              value={String(index)}
              group={group}
            />
          ))}
          {others.length > 0 && (
            <Accordion.Item value="others">
              <Accordion.Control>
                <Text size="sm">{plural(others.length, 'other failed assertion')}</Text>
              </Accordion.Control>
              <Accordion.Panel>
                <FailureList failures={others} highlight={null} />
              </Accordion.Panel>
            </Accordion.Item>
          )}
        </Accordion>
      )}
      {report.failuresOmitted > 0 && (
        <Text size="xs" c="dimmed">
          {plural(report.failuresOmitted, 'further failed assertion')} not kept in the report.
        </Text>
      )}
    </Stack>
  );
}

/** What the baseline has too, and does not count. */
const KNOWN = { words: 'Known', color: 'gray' };

function FindingItem({ value, group: { finding, failures } }: { value: string; group: FailureGroup }) {
  const { words, color } = finding.known ? KNOWN : KINDS[finding.kind];
  return (
    <Accordion.Item value={value}>
      <Accordion.Control>
        <Flex
          direction={{ base: 'column', xs: 'row' }}
          align={{ base: 'flex-start', xs: 'center' }}
          gap={{ base: 4, xs: 'sm' }}
          pr="sm"
        >
          <Badge color={color} miw={104} style={{ flexShrink: 0 }}>
            {words}
          </Badge>
          <Stack gap={0}>
            <Text size="sm" fw={500} style={{ overflowWrap: 'anywhere' }}>
              {finding.sentence}
            </Text>
            {(finding.cause || finding.explains) && (
              <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                {causeOf(finding)}
              </Text>
            )}
          </Stack>
          <Badge color="gray" variant="outline" ml={{ base: 0, xs: 'auto' }} style={{ flexShrink: 0 }}>
            {formatCount(finding.count)} of {formatCount(finding.of)}
          </Badge>
        </Flex>
      </Accordion.Control>
      <Accordion.Panel>
        {failures.length > 0 ? (
          <FailureList failures={failures} highlight={finding} />
        ) : (
          <Explanation finding={finding} />
        )}
      </Accordion.Panel>
    </Accordion.Item>
  );
}

function causeOf({ cause, explains = 0, known }: Finding): string {
  if (cause === undefined) return `${plural(explains, 'more failure')} follow from it`;
  return known ? `Does not count: ${cause}` : `Most likely because ${cause}`;
}

function Explanation({ finding }: { finding: Finding }) {
  return (
    <Stack gap="xs">
      <Text size="sm" c="dimmed">
        {finding.kind === 'slower'
          ? `Judged over ${plural(finding.of, 'request')} by the median${finding.confidence === undefined ? '' : ` and a rank test, ${surely(finding.confidence)}`}; all percentiles are in the table of endpoints below.`
          : 'No single assertion belongs to this finding.'}
      </Text>
      {finding.kind === 'mock-miss' && finding.examples.length > 0 && (
        <Paper withBorder p="sm">
          <Text size="xs" c="dimmed" mb={4}>
            Requests that found no mock
          </Text>
          <Group gap="sm">
            {finding.examples.map((id) => (
              <TextLink
                key={id}
                from="/reports/$replayId"
                to="."
                search={(kept) => ({ ...kept, pair: id })}
                resetScroll={false}
                size="xs"
                ff="monospace"
              >
                {id}
              </TextLink>
            ))}
          </Group>
        </Paper>
      )}
    </Stack>
  );
}
