// Any failure as a person can use it: what happened, what to do, the request id to quote, and a way to try again.
import { ApiError } from '@echoplane/api';
import { Alert, Button, Code, Group, List, Stack, Text } from '@mantine/core';
import { CommandError } from '../cluster-queries.ts';
import { AlertIcon } from './icons.tsx';

interface ProblemNoticeProps {
  error: unknown;
  /** Absent where trying again makes no sense. */
  onRetry?: () => unknown;
  retrying?: boolean;
}

export function ProblemNotice({ error, onRetry, retrying = false }: ProblemNoticeProps) {
  const { title, detail } = describeError(error);
  const problem = error instanceof ApiError ? error.problem : null;
  const forbidden = error instanceof ApiError && error.status === 403;
  return (
    <Alert
      role="alert"
      color={forbidden ? 'yellow' : 'red'}
      title={title}
      icon={<AlertIcon />}
      maw={720}
      w="100%"
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{detail}</Text>
        {problem?.errors && (
          <List size="sm">
            {problem.errors.map(({ path, message }) => (
              <List.Item key={`${path}${message}`}>
                <Code>{path}</Code> {message}
              </List.Item>
            ))}
          </List>
        )}
        <Group gap="sm">
          {onRetry && (
            <Button variant="default" onClick={onRetry} loading={retrying}>
              Try again
            </Button>
          )}
          {problem && (
            <Text size="xs" c="dimmed">
              Request id <Code>{problem.requestId}</Code>
            </Text>
          )}
        </Group>
      </Stack>
    </Alert>
  );
}

/** Title and sentence of any error. */
export function describeError(error: unknown): { title: string; detail: string } {
  if (error instanceof ApiError) {
    if (error.problem) return { title: error.problem.title, detail: error.problem.detail };
    return {
      title: 'The control plane refused',
      detail: `It answered with status ${error.status} and no explanation.`,
    };
  }
  if (error instanceof CommandError) return { title: 'The cluster did not do it', detail: error.message };
  if (error instanceof TypeError) {
    return {
      title: 'The control plane cannot be reached',
      detail: 'Check that it runs and that you are connected.',
    };
  }
  const detail =
    'The answer is not what this page expects. Reload it; page and control plane may differ in version.';
  return { title: 'Something broke', detail };
}
