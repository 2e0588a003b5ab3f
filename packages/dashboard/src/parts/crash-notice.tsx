// What is shown when a part of the page itself broke.
import { Center } from '@mantine/core';
import { ProblemNotice } from './problem-notice.tsx';

export function CrashNotice({ error, reset }: { error: unknown; reset: () => void }) {
  return (
    <Center p="xl">
      <ProblemNotice error={error} onRetry={reset} />
    </Center>
  );
}
