import { expect, test } from 'vitest';
import { isReadingPost } from './reading-posts.ts';

test.each(['/api/query/tasks', '/orders/_search', '/v1/search?size=3', '/users/lookup', '/things/_msearch'])(
  'POST %s reads',
  (target) => {
    expect(isReadingPost('POST', target)).toBe(true);
    expect(isReadingPost('PUT', target)).toBe(false);
  },
);

test.each(['/queries', '/searches/7', '/research', '/orders?search=x', '/'])(
  'POST %s may write',
  (target) => {
    expect(isReadingPost('POST', target)).toBe(false);
  },
);
