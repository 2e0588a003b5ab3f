// Which answers to requests that name what they want have no order, in small recordings of a shop's shelves.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

const shelf = (n: number) =>
  ['oak', 'fir', 'elm', 'ash', 'yew', 'box'].map((tree) => `/shelves/${n}/${tree}`);
/** Neither as it was, nor the other way round, nor sorted. */
const mixed = (names: readonly string[]) => [2, 5, 0, 3, 1, 4].flatMap((i) => names[i] ?? []);

function asking(names: readonly string[], answered = mixed(names)): Exchange {
  return {
    request: 'POST /shelves/find',
    body: { want: names },
    answer: { found: answered.map((href) => ({ href, tag: `of ${href.length}` })) },
  };
}

function unordered(...exchanges: Exchange[]): (string[] | undefined)[] {
  return analyze(record(exchanges)).tests.map((one) => one.unordered);
}

test('answers that hold what was asked for in an order of their own have none', () => {
  const short = asking(['/shelves/3/oak', '/shelves/3/fir']);
  expect(unordered(asking(shelf(1)), asking(shelf(2)), short)).toEqual(Array(3).fill(['body.found']));
});

test('so have those to few names in a request of another form', () => {
  const few: Exchange = { ...asking(shelf(3).slice(0, 3)), body: { only: { want: shelf(3).slice(0, 3) } } };
  expect(unordered(asking(shelf(1)), asking(shelf(2)), few)).toEqual(Array(3).fill(['body.found']));
});

test('an answer that has some of the things in this order by chance does not explain it, where others have another', () => {
  const shown = (names: readonly string[], n: number): Exchange => ({
    request: `GET /shelves/${n}`,
    answer: { all: names.map((href) => ({ href })) },
  });
  const [one, two] = [shelf(1), shelf(2)];
  const lists = [
    shown(mixed(one).slice(1, 5), 1),
    shown([one[1]!, one[4]!, one[0]!, one[5]!], 1),
    shown(mixed(mixed(one)), 1),
  ];
  const found = unordered(asking(one), asking(two), ...lists);
  expect(found.slice(0, 2)).toEqual([['body.found'], ['body.found']]);
});

test('things are asked for by a field of theirs', () => {
  const checked = (n: number): Exchange => ({
    request: 'POST /shelves/check',
    body: { checks: shelf(n).map((id) => ({ id, allow: 'read' })) },
    answer: { results: mixed(shelf(n)).map((id) => ({ id, allowed: true })) },
  });
  expect(unordered(checked(1), checked(2))).toEqual([['body.results'], ['body.results']]);
});

test('words between commas are asked for, too', () => {
  const listed = (n: number): Exchange => ({
    request: `GET /shelves?${new URLSearchParams({ want: shelf(n).join(',') })}`,
    answer: mixed(shelf(n)).map((href) => ({ href })),
  });
  expect(unordered(listed(1), listed(2))).toEqual([['body'], ['body']]);
});

test('one such answer, or one of few things, tells nothing', () => {
  expect(unordered(asking(shelf(1)))).toEqual([undefined]);
  const few = (n: number) => asking(shelf(n).slice(0, 3));
  expect(unordered(few(1), few(2), few(3))).toEqual(Array(3).fill(undefined));
});

test('the order of the request, of a field, or of another answer stays one', () => {
  const asAsked = (n: number) => asking(shelf(n), shelf(n));
  expect(unordered(asAsked(1), asAsked(2))).toEqual([undefined, undefined]);
  const sorted = (n: number) => asking(shelf(n), shelf(n).sort());
  expect(unordered(sorted(1), sorted(2))).toEqual([undefined, undefined]);
  const shown = (n: number): Exchange => ({
    request: `GET /shelves/${n}`,
    answer: { all: mixed(shelf(n)).map((href) => ({ href })) },
  });
  expect(unordered(asking(shelf(1)), asking(shelf(2)), shown(1), shown(2))).toEqual(Array(4).fill(undefined));
});

test('what a request does not name keeps its order', () => {
  const other = (n: number) => asking(shelf(n), mixed(shelf(n + 5)));
  expect(unordered(other(1), other(2))).toEqual([undefined, undefined]);
});
