// A request or a response: start line, headers, body.
import type { HeaderList, HttpRequest, HttpResponse } from '@echoplane/traffic';
import { Box, Code, Stack, Table, Text, Title } from '@mantine/core';
import { BodyView } from './body-view.tsx';

interface MessageViewProps {
  name: 'Request' | 'Response';
  line: string | null;
  message: HttpRequest | HttpResponse | null;
  /** Said instead of a message that is not there. */
  absent: string;
}

export function MessageView({ name, line, message, absent }: MessageViewProps) {
  return (
    <Stack component="section" aria-label={name} gap="xs" miw={0}>
      <Title order={3} size="h5">
        {name}
      </Title>
      {message ? (
        <>
          <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
            {line}
          </Code>
          <Headers label={`${name} headers`} headers={message.headers} />
          {message.trailers && message.trailers.length > 0 && (
            <Headers label={`${name} trailers`} headers={message.trailers} />
          )}
          <BodyView name={`${name} body`} body={message.body} />
        </>
      ) : (
        <Text size="sm" c="dimmed">
          {absent}
        </Text>
      )}
    </Stack>
  );
}

function Headers({ label, headers }: { label: string; headers: HeaderList }) {
  return (
    <Box>
      <Table
        aria-label={label}
        fz="xs"
        layout="fixed"
        verticalSpacing={3}
        horizontalSpacing="xs"
        withTableBorder
      >
        <Table.Tbody>
          {headers.map(([name, value], index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: headers repeat and never move.
            <Table.Tr key={index}>
              <Table.Th
                scope="row"
                w="34%"
                fw={500}
                c="dimmed"
                style={{ overflowWrap: 'anywhere', verticalAlign: 'top' }}
              >
                {name}
              </Table.Th>
              <Table.Td ff="monospace" style={{ overflowWrap: 'anywhere' }}>
                {value}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {headers.length === 0 && (
        <Text size="xs" c="dimmed">
          No headers
        </Text>
      )}
    </Box>
  );
}
