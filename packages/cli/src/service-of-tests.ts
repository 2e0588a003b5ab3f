// Which service the tests of a snapshot were recorded at: one, because all of them go to one target.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { OperatingError } from '@echoplane/runtime';

/** Stands before the recorded messages of a line, so that no test has to be read as a whole. */
const SERVICE = /"service":("(?:[^"\\]|\\.)*")/;
const MESSAGES = '"request":';
const NAMELESS = 'laptop/default/service';
const MAX_NAMED = 10;

/** `cluster/namespace/name`. Throws OperatingError when there is no test, or tests of several services. */
export async function serviceOf(testsFile: string): Promise<string> {
  const services = new Set<string>();
  const input = createReadStream(testsFile);
  try {
    for await (const line of createInterface({ input })) {
      const [, quoted] = SERVICE.exec(line.slice(0, line.indexOf(MESSAGES))) ?? [];
      services.add(quoted === undefined ? NAMELESS : (JSON.parse(quoted) as string));
    }
  } finally {
    input.destroy();
  }
  const [service] = services;
  if (service === undefined)
    throw new OperatingError('no_tests', 'The snapshot holds no test: nothing came in to the service.');
  if (services.size === 1) return service;
  const names = [...services].slice(0, MAX_NAMED).join(', ');
  throw new OperatingError(
    'many_services',
    `The snapshot holds tests of ${services.size} services (${names}), which cannot all go to one target; make a snapshot of one of them with --service.`,
  );
}
