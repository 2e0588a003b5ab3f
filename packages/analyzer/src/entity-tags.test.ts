import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

const tag = (text: string): [string, string][] => [['ETag', `"${text}"`]];
const note = (n: number, text: string) => ({ name: `note ${n}`, text });

/** Two notes whose tags a write says in another way than the reads, as of a time that the database rounds. */
const read = [
  {
    request: 'POST /notes',
    body: note(1, 'tea'),
    status: 201,
    answer: note(1, 'tea'),
    answerHeaders: tag('0-ec198742'),
  },
  { request: 'GET /notes/1', answer: note(1, 'tea'), answerHeaders: tag('0-ec192ad2') },
  {
    request: 'GET /notes/1',
    headers: [['If-None-Match', '"0-ec192ad2"']],
    status: 304,
    answerHeaders: tag('0-ec192ad2'),
  },
  {
    request: 'POST /notes',
    body: note(2, 'mug'),
    status: 201,
    answer: note(2, 'mug'),
    answerHeaders: tag('0-f47be719'),
  },
  { request: 'GET /notes/2', answer: note(2, 'mug'), answerHeaders: tag('0-f47baeeb') },
] satisfies Exchange[];
const changed = [
  {
    request: 'PUT /notes/1',
    body: note(1, 'cup'),
    headers: [['If-Match', '"0-ec192ad2"']],
    answer: note(1, 'cup'),
    answerHeaders: tag('1-6569d16b'),
  },
  {
    request: 'PUT /notes/2',
    body: note(2, 'jug'),
    headers: [['If-Match', '"0-f47baeeb"']],
    answer: note(2, 'jug'),
    answerHeaders: tag('1-7e7619fb'),
  },
] satisfies Exchange[];

test('a tag that a read shows is sent back as the service gives it now, however it looks', () => {
  const { flows, tests } = analyze(record([...read, ...changed]));
  expect(flows.flatMap(({ places }) => places.map((at) => `${at.method} ${at.in} ${at.path}`))).toEqual([
    'GET request header.if-none-match',
    'GET response header.etag',
    'POST response header.etag',
    'PUT request header.if-match',
    'PUT response header.etag',
  ]);
  expect(tests.at(-1)!.links?.map((link) => `${link.in} ${link.path}`)).toEqual([
    'request header.if-match',
    'response header.etag',
  ]);
});

test('tags and the cursors of pages are two kinds of things', () => {
  const pages = [
    { request: 'GET /notes', answer: { items: [1], next: 'first-of-page-two' } },
    { request: 'GET /notes?cursor=first-of-page-two', answer: { items: [2], next: null } },
  ];
  const { flows } = analyze(record([...read, ...changed, ...pages]));
  expect(flows.filter(({ places }) => places.some(({ path }) => path === 'header.etag'))).toHaveLength(1);
  const [tags] = flows.filter(({ places }) => places.some(({ path }) => path === 'header.etag'));
  expect(tags!.places.filter(({ path }) => !path.startsWith('header.'))).toEqual([]);
});

test('tags that nobody sends back, and those that are times, are no flow', () => {
  expect(analyze(record(read.filter(({ status }) => status !== 304))).flows).toEqual([]);
  const timed = JSON.stringify([...read, ...changed]).replaceAll(/\b\d-([0-9a-f]{3})[0-9a-f]{5}/g, (_, hex) =>
    String(1_795_323_797_000 + Number.parseInt(hex, 16)),
  );
  expect(analyze(record(JSON.parse(timed) as Exchange[])).flows).toEqual([]);
});
