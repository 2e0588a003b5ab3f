import { expect, test } from 'vitest';
import { CATALOGUE } from './catalogue.ts';
import { placesOf } from './places.ts';
import { candidates, Dealer, type Seed } from './plan.ts';
import { recordedTest, resultOf } from './recorded.fixture.ts';

const seed = (fault: string, place: string, target = 'body.a'): Seed => ({
  fault: { ...CATALOGUE[0]!, name: fault },
  ...{ place, target, touches: 1, isFollowed: false },
});
const dealt = (round: readonly Seed[]) => round.map(({ fault, place }) => `${fault.name} ${place}`);

test('a round has one fault a place at most, and leaves most places as they are', () => {
  const all = ['a', 'b', 'c', 'd', 'e'].flatMap((place) => [seed('x', place), seed('y', place)]);
  for (let n = 0; n < 20; n++) {
    const round = new Dealer(all, 5, String(n)).round();
    expect(round).toHaveLength(2);
    expect(new Set(round.map(({ place }) => place)).size).toBe(2);
  }
});

test('what was planted least is dealt first, and every seed once', () => {
  const all = [seed('x', 'a'), seed('y', 'b'), seed('x', 'c')];
  expect(dealt(new Dealer(all, 2, '1', new Map([['y', 3]])).round())[0]).toMatch(/^x/);
  const dealer = new Dealer(all, 2, '1', new Map([['x', 3]]));
  expect(dealt(dealer.round())).toEqual(['y b']);
  expect([...dealt(dealer.round()), ...dealt(dealer.round())].sort()).toEqual(['x a', 'x c']);
  expect(dealer.round()).toEqual([]);
});

test('a fault that changed nothing on the wire is dealt again elsewhere before others come again', () => {
  const all = ['a', 'b', 'c', 'd'].flatMap((place) => [seed('x', place), seed('y', place)]);
  const dealer = new Dealer(all, 4, '1');
  const [one] = dealer.round();
  const two = one!.fault.name === 'x' ? 'y' : 'x';
  dealer.planted(seed(two, ''));
  expect(dealer.round()[0]!.fault.name).toBe(one!.fault.name);
});

test('a fault of a value stands only where its value is known, and is told from one that later requests carry', () => {
  const made = recordedTest({ method: 'POST', target: '/things', answer: { id: 'x7Kq2mZ9pLw4', size: 3 } });
  made.produces = [{ token: 't1', path: 'body.id' }];
  const place = placesOf([made], [resultOf(made, { answer: { id: 'Bt5Rv8Yn1HcD', size: 3 } })]);
  const faults = CATALOGUE.filter(({ name }) => ['case changed', 'number +1', 'null'].includes(name));
  const seeds = candidates(faults, place).map(({ fault, target, isFollowed }) => [
    fault.name,
    target,
    isFollowed,
  ]);
  expect(seeds).toEqual([
    ['number +1', 'body.size', false],
    ['null', 'body.id', true],
    ['null', 'body.size', false],
  ]);
});
