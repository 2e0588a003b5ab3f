import { expect, test } from 'vitest';
import { namingOf } from './names.ts';

const naming = (path: string, endpoint = '/shops/{id}/orders') => {
  const { role, entity } = namingOf(path, endpoint);
  return `${role} ${entity}`.trim();
};

test('a number of a thing is its id, a number of a page is none', () => {
  expect(naming('body.number')).toBe('id order');
  expect(naming('body.invoice.number')).toBe('id invoice');
  for (const around of ['page', 'pageable', 'pagination'])
    expect(naming(`body.${around}.number`)).toBe('other');
});

test('called as a kind of thing is, one number may say which and a list says which ones; how many there are says neither', () => {
  expect(naming('body.milestone')).toBe('other milestone');
  expect(naming('body.labels[]')).toBe('other label');
  expect(naming('body.labels')).toBe('other');
  expect(naming('body.stats.orders')).toBe('other');
  expect(naming('query.milestones')).toBe('other milestone');
  expect(naming('query.page')).toBe('other');
});

test('a list of ids or keys is of the things around it; one that is called so is not a list', () => {
  expect(naming('body.keys[]')).toBe('id order');
  expect(naming('body.invoice.ids[]')).toBe('id invoice');
  expect(naming('body.keys')).toBe('other');
});

test('of a document another id is its own; a page or a set is a thing, as is what ids of a path are of', () => {
  expect(naming('body.documentId')).toBe('id order document');
  expect(naming('body.contentId')).toBe('id content');
  expect(naming('path[1]', '/contentIds/{id}/uses')).toBe('id content');
  expect(naming('path[2]', '/contents/ids/{id}')).toBe('id content');
});

test('the active one of the customers is a customer; what says nothing else keeps its name', () => {
  expect(naming('body.data.activeCustomer.id')).toBe('id customer');
  expect(naming('body.current_user.id')).toBe('id user');
  expect(naming('body.activities[].id')).toBe('id activity');
  expect(naming('body.current.id')).toBe('id current');
  expect(naming('body.currentPage.id')).toBe('id currentpage');
});
