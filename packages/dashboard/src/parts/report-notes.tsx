// What a reader must know of how a report came about: how strictly answers were compared, and what stood apart.

import type { Replay } from '@echoplane/api';
import type { Report } from '@echoplane/traffic';
import { Anchor, Group, List, Stack, Text } from '@mantine/core';

/** The three lines of a report: outcome, strictness, speed. */
export function SummaryLines({ summary }: { summary: readonly string[] }) {
  return (
    <Stack gap={2} component="section" aria-label="Summary">
      {summary.map((line) => (
        <Text key={line} size="sm" style={{ overflowWrap: 'anywhere' }}>
          {line}
        </Text>
      ))}
    </Stack>
  );
}

export function NoteList({ notes }: { notes: readonly string[] }) {
  if (notes.length === 0) return null;
  return (
    <List size="sm" c="dimmed" spacing={2} aria-label="Notes">
      {notes.map((note) => (
        <List.Item key={note}>{note}</List.Item>
      ))}
    </List>
  );
}

/** Share of recorded values that were compared by value; null when nothing was compared. */
export function strictShare({ leaves }: Pick<Report, 'leaves'>): number | null {
  const all = leaves ? leaves.strict + leaves.time + leaves.kind : 0;
  return leaves && all > 0 ? leaves.strict / all : null;
}

const FORMATS = [
  ['junit', 'JUnit XML', 'xml'],
  ['markdown', 'Markdown', 'md'],
  ['json', 'JSON', 'json'],
] as const;

/** The report in the formats of pipelines. */
export function FormatLinks({ replay: { id } }: { replay: Pick<Replay, 'id'> }) {
  return (
    <Group gap="sm" role="group" aria-label="Download">
      {FORMATS.map(([format, words, ending]) => (
        <Anchor
          key={format}
          size="sm"
          href={`/v1/replays/${id}/report/${format}`}
          download={`report-${id}.${ending}`}
        >
          {words}
        </Anchor>
      ))}
    </Group>
  );
}
