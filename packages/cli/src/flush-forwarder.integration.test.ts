import { createServer } from 'node:http';
import { listen } from '@echoplane/runtime';
import { expect, onTestFinished, test } from 'vitest';
import { flushForwarder } from './plane.ts';

/** The admin page of a forwarder that gives these answers, one for each time it is asked. */
async function answering(...answers: { status: number; text: string }[]) {
  let asked = 0;
  const server = createServer((_, response) => {
    const { status, text } = answers[Math.min(asked++, answers.length - 1)]!;
    response.writeHead(status).end(text);
  });
  const port = await listen(server, 0, '127.0.0.1', 'the admin page');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port, asked: () => asked };
}

const NOT_YET = { status: 200, text: '{"flushed":false}' };

test('a forwarder that is not done yet is asked until it is', async () => {
  const { port, asked } = await answering(NOT_YET, NOT_YET, { status: 200, text: '{"flushed":true}' });
  await flushForwarder(port);
  expect(asked()).toBe(3);
});

test('one that cannot ship ends it with what it said', async () => {
  const { port } = await answering(NOT_YET, { status: 500, text: 'the store is away' });
  await expect(flushForwarder(port)).rejects.toThrow(/could not ship its open segment: the store is away/);
});
