// The differences of one failed assertion: what was recorded in red, what came in green, and greyed what was compared
// by kind because it changes each time.
import { type AssertionResult, type Difference, type Finding, leafPattern } from '@echoplane/traffic';
import { Table } from '@mantine/core';
import classes from './difference-table.module.css';

const PROBLEMS: Record<Difference['problem'], string> = {
  value: 'another value',
  type: 'another type',
  missing: 'missing',
  unexpected: 'not expected',
  order: 'another order',
  'no-response': 'no response',
};

interface DifferenceTableProps {
  failure: AssertionResult;
  /** Its own differences come first. */
  highlight: Finding | null;
}

export function DifferenceTable({ failure, highlight }: DifferenceTableProps) {
  const isOwn = (d: Difference) =>
    highlight !== null && d.problem === highlight.problem && leafPattern(d.path) === highlight.path;
  const differences = [...failure.differences].sort((a, b) => Number(isOwn(b)) - Number(isOwn(a)));
  return (
    <Table.ScrollContainer minWidth={480}>
      <Table
        className={classes.table ?? ''}
        aria-label="Differences"
        layout="fixed"
        withTableBorder
        verticalSpacing={4}
        horizontalSpacing="xs"
      >
        <Table.Thead>
          <Table.Tr>
            <Table.Th w="26%">Path</Table.Th>
            <Table.Th w={110}>Problem</Table.Th>
            <Table.Th>Expected</Table.Th>
            <Table.Th>Actual</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {differences.map((difference) => (
            <Table.Tr key={`${difference.path}${difference.problem}`}>
              <Table.Td className={classes.value}>{difference.path}</Table.Td>
              <Table.Td>{PROBLEMS[difference.problem]}</Table.Td>
              <Table.Td className={`${classes.value} ${classes.expected}`}>
                {difference.expected ?? 'absent'}
              </Table.Td>
              <Table.Td className={`${classes.value} ${classes.actual}`}>
                {difference.actual ?? 'absent'}
              </Table.Td>
            </Table.Tr>
          ))}
          {failure.volatile.map(({ path, kind }) => (
            <Table.Tr key={path} className={classes.volatile ?? ''}>
              <Table.Td className={classes.value}>{path}</Table.Td>
              <Table.Td colSpan={3}>changes each time; compared as {kind}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
