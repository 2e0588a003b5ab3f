import { describe, expect, test } from 'vitest';
import { AnswersOwed } from './answers-owed.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\n\r\n';
const get = { method: 'GET', upgrade: false };
const head = { method: 'HEAD', upgrade: false };
const upgrade = { method: 'GET', upgrade: true };

function after(asked: (typeof get)[], answers: string): AnswersOwed {
  const owed = new AnswersOwed();
  for (const request of asked) owed.add(request);
  for (const byte of Buffer.from(answers)) owed.take(Buffer.of(byte));
  const whole = new AnswersOwed();
  for (const request of asked) whole.add(request);
  if (answers !== '') whole.take(Buffer.from(answers));
  expect(whole.state).toBe(owed.state);
  return owed;
}

describe('AnswersOwed', () => {
  test.each([
    ['nothing asked', [], '', 'idle'],
    ['a request', [get], '', 'owing'],
    ['half an answer', [get], OK.slice(0, -1), 'owing'],
    ['an answer', [get], OK, 'idle'],
    ['one of two', [get, get], OK, 'owing'],
    ['both of two', [get, get], OK + OK, 'idle'],
    ['only an interim answer', [get], 'HTTP/1.1 100 Continue\r\n\r\n', 'owing'],
    ['an answer after an interim one', [get], `HTTP/1.1 103 Early Hints\r\n\r\n${OK}`, 'idle'],
    ['a HEAD without the body it announces', [head], OK.slice(0, -2), 'idle'],
    ['an answer that lasts until the end', [get], 'HTTP/1.1 200 OK\r\n\r\nmore', 'owing'],
    ['an upgrade asked for and made', [upgrade], `${SWITCH}\x00raw`, 'upgraded'],
    ['an upgrade asked for and not made', [upgrade], OK, 'idle'],
    ['an upgrade nobody asked for', [get], SWITCH, 'unknown'],
    ['an upgrade in place of an earlier answer', [get, upgrade], SWITCH, 'unknown'],
    ['an answer nobody asked for', [get], OK + OK, 'unknown'],
    ['the beginning of one', [get], `${OK}H`, 'unknown'],
    ['what cannot be framed', [get], 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', 'unknown'],
  ])('%s: however the bytes are cut', (_, asked, answers, state) => {
    expect(after(asked, answers).state).toBe(state);
  });

  test('an upgrade is decided before anything follows it, and so many answers are owed at once, not more', () => {
    expect(after([get], '').comesFirst).toBe(false);
    expect(after([get, upgrade], OK).comesFirst).toBe(true);
    expect(after([upgrade], OK).comesFirst).toBe(false);
    expect(after([upgrade], SWITCH).comesFirst).toBe(false);
    expect(after(Array(999).fill(get), '').comesFirst).toBe(false);
    expect(after(Array(1_000).fill(get), '').comesFirst).toBe(true);
    expect(after(Array(1_000).fill(get), OK).comesFirst).toBe(false);
  });

  test('after the end nothing may follow, unless the connection was upgraded', () => {
    const [answered, upgraded] = [after([get], OK), after([upgrade], SWITCH)];
    for (const owed of [answered, upgraded]) owed.end();
    expect([answered.state, upgraded.state]).toEqual(['unknown', 'upgraded']);
  });
});
