import { expect, test } from 'vitest';
import { type Exchange, record } from './exchanges.fixture.ts';
import { LedReads } from './led-reads.ts';

const to = (address: string): Pick<Exchange, 'status' | 'answerHeaders'> => ({
  status: 302,
  answerHeaders: [['Location', address]],
});
const led = (...exchanges: Exchange[]) => {
  const reads = new LedReads();
  return record(exchanges).map((pair) =>
    reads.observe(pair, !exchanges[pair.connection.seq]!.request.startsWith('GET')),
  );
};

test('the read to which a write sent its client, over further stops as well', () => {
  const made: Exchange = { request: 'POST /shelves', ...to('/shelves/') };
  expect(led(made, { request: 'GET /shelves/', ...to('http://app/shelves/all?page=1') })).toEqual([
    false,
    true,
  ]);
  expect(
    led(made, { request: 'GET /shelves/', ...to('all?page=1') }, { request: 'GET /shelves/all?page=1' }),
  ).toEqual([false, true, true]);
});

test('not another read, nor one of somebody else, nor what the next write led away from', () => {
  const made: Exchange = { request: 'POST /shelves', ...to('/shelves') };
  expect(led(made, { request: 'GET /books' })).toEqual([false, false]);
  expect(led(made, { request: 'GET /shelves', connection: 'k2' })).toEqual([false, false]);
  expect(led(made, { request: 'POST /books', status: 201 }, { request: 'GET /shelves' })).toEqual([
    false,
    false,
    false,
  ]);
  expect(led({ request: 'GET /old', ...to('/shelves') }, { request: 'GET /shelves' })).toEqual([
    false,
    false,
  ]);
});

test('a login changes who the client is, not its connection', () => {
  const login: Exchange = { request: 'POST /login', ...to('/home') };
  expect(led(login, { request: 'GET /home', headers: [['Cookie', 'sid=1']] })).toEqual([false, true]);
});
