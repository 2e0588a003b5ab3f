import { expect, test } from 'vitest';
import { SessionIds, UpstreamSessions } from './tls-sessions.ts';

const HOUR_US = 3_600_000_000;
const session = Buffer.from('session');

test('UpstreamSessions keeps the 500 used last, and none that is large', () => {
  const sessions = new UpstreamSessions({ nowUs: () => 0 });
  for (let i = 0; i < 500; i++) sessions.put(`${i}`, session);
  sessions.get('0');
  sessions.put('500', session);
  expect(sessions.get('0')).not.toBeNull();
  expect(sessions.get('1')).toBeNull();
  sessions.put('0', Buffer.alloc(16_385));
  expect(sessions.get('0')).toBeNull();
});

test('a session is good for a day after the upstream was verified, however often it was renewed', () => {
  const clock = { us: 0, nowUs: () => clock.us };
  const sessions = new UpstreamSessions(clock);
  sessions.put('a', session);
  clock.us = 23 * HOUR_US;
  const { sinceUs } = sessions.get('a')!;
  sessions.put('a', Buffer.from('renewed'), sinceUs);
  expect(sessions.get('a')?.session.toString()).toBe('renewed');
  clock.us = 25 * HOUR_US;
  expect(sessions.get('a')).toBeNull();
});

test('SessionIds gives a session back by its id, for five minutes', () => {
  const clock = { us: 0, nowUs: () => clock.us };
  const { server } = new SessionIds(clock);
  const id = Buffer.from([0, 200, 255]);
  const found: (Buffer | null)[] = [];
  const ask = () => server.emit('resumeSession', id, (_: null, held: Buffer | null) => found.push(held));
  ask();
  server.emit('newSession', id, session, () => {});
  ask();
  clock.us = 301_000_000;
  ask();
  expect(found).toEqual([null, session, null]);
});
