import type { Body, Difference, StreamMessage, Test } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { messageDifferences, testOfMessage } from './compare-messages.ts';

const message = (from: 'client' | 'server', text: string, kind = 'text'): StreamMessage => ({
  ...{ from, kind, offsetUs: 0, size: text.length, text },
});
const recorded = { response: { status: 101 }, produces: [], messages: [] } as unknown as Test;
const talk = {
  ...recorded,
  messages: [message('server', 'a'), message('client', 'b'), message('server', 'c')],
};

/** A difference wherever texts are not the same. */
function compare(one: Test, answer: { body: Body }): Difference[] {
  const [expected = null, actual = null] = [one.response.body.text, answer.body.text];
  return expected === actual ? [] : [{ path: 'body', problem: 'value', expected, actual }];
}

const said = (...messages: StreamMessage[]) =>
  messages.map(({ from, kind, offsetUs: _, ...body }) => ({
    ...{ from, kind },
    body: () => ({ encoding: 'identity', ...body }),
  }));

test('messages of the server are compared one by one, whatever the client and pings did between them', () => {
  const live = said(message('server', '', 'ping'), message('server', 'a'), message('server', 'x'));
  expect(messageDifferences(talk, live, compare)).toEqual([
    { path: 'messages[1].body', problem: 'value', expected: 'c', actual: 'x' },
  ]);
});

test('one that did not come is missing, one more is no difference', () => {
  expect(messageDifferences(talk, said(message('server', 'a')), compare)).toEqual([
    { path: 'messages[1]', problem: 'missing', expected: 'text', actual: null },
  ]);
  const more = said(...['a', 'c', 'd'].map((text) => message('server', text)));
  expect(messageDifferences(talk, more, compare)).toEqual([]);
});

test('a message hands out what stands in it, and was said when it was', () => {
  const produces = ['body.id', 'messages[0].body.id', 'messages[1].body.note'].map((path, n) => ({
    token: `t${n}`,
    path,
  }));
  const one = testOfMessage({ ...talk, produces, durationUs: 5 }, 1, { ...talk.messages[2]!, offsetUs: 70 });
  expect(one).toMatchObject({ produces: [{ token: 't2', path: 'body.note' }], durationUs: 70 });
  expect(one.response.body.text).toBe('c');
});
