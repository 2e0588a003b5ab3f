// What the name of a leaf says of its value: whether it identifies something (`id`, `slug`, `orderId`), of what kind of
// thing (`order`), or is a cursor. Words of English and of programmers, none of any product. Pure.

/** What a place holds, by its name alone. */
export interface Naming {
  /** `id`: identifies a thing; `cursor`: a position in a list; `other`: nothing of the kind. */
  role: 'id' | 'cursor' | 'other';
  /** The kind of thing, singular and in lower case, `orderitem`; '' when the name does not say. */
  entity: string;
  /** The thing's own id, rather than a reference from another thing. */
  isOwn: boolean;
}

const ATTRIBUTES = new Set([
  ...[
    'id',
    'uid',
    'uuid',
    'guid',
    'oid',
    'pk',
    'key',
    'slug',
    'ref',
    'reference',
    'code',
    'number',
    'no',
    'nr',
  ],
  ...['identifier', 'handle', 'iid', 'sku', 'token', 'sid', 'rev', 'etag', 'version', 'sha', 'hash'],
]);
/** Only these identify when they are the second word: `order_id`, `articleSlug`; a `phone_number` or `zip_code` does not. */
const SUFFIXES = new Set([
  'id',
  'uid',
  'uuid',
  'guid',
  'key',
  'slug',
  'ref',
  'iid',
  'sid',
  'token',
  'ids',
  'keys',
]);
/** How a filter compares. */
const OPERATORS = new Set(['eq', 'equals', 'exact', 'in', 'is', 'ne', 'neq', 'not']);
/** Attributes that say something else of a thing as often as they identify it. */
const WEAK = new Set(['code', 'version', 'etag', 'rev', 'hash', 'sha', 'token']);
const CURSORS = new Set([
  ...[
    'cursor',
    'next',
    'prev',
    'previous',
    'after',
    'before',
    'marker',
    'continuation',
    'nextcursor',
    'prevcursor',
  ],
  ...['pagetoken', 'nextpagetoken', 'startcursor', 'endcursor', 'startingafter', 'endingbefore', 'scrollid'],
  ...[
    'synctoken',
    'nextsynctoken',
    'nexttoken',
    'continuationtoken',
    'pagecursor',
    'nextpage',
    'since',
    'lastkey',
  ],
]);
/** Lists of them: `{ keys: [3, 5] }`. */
const IDS = new Set(['ids', 'keys', 'uids', 'uuids', 'pks', 'slugs']);
const OWN_IDS: Attribute = { attribute: 'id', owner: '' };
const NUMBERS = new Set(['number', 'no', 'nr']);
const SPOTS = new Set(['location', 'loc', 'position', 'start', 'end']);
/** Which of several a thing is. */
const ROLES = new Set(['active', 'current', 'default', 'latest', 'my', 'selected']);
const PAGES = new Set(['page', 'pageable', 'paging', 'pagination', 'slice']);
/** Keys that hold things without saying which. */
const WRAPPERS = new Set([
  ...[
    'data',
    'item',
    'result',
    'row',
    'record',
    'content',
    'edge',
    'node',
    'attribute',
    'payload',
    'response',
  ],
  ...[
    'list',
    'embedded',
    'object',
    'value',
    'entry',
    'element',
    'body',
    'doc',
    'document',
    'input',
    'variable',
  ],
  ...[
    'param',
    'arg',
    'page',
    'hit',
    'source',
    'field',
    'entity',
    'resource',
    'output',
    'request',
    'json',
    'set',
    'form',
  ],
]);

/** Of these the id is another one of the thing around: `documentId`. Others are kinds of things as well: a page, a list, a set. */
const ITSELF = new Set([
  ...['data', 'item', 'row', 'record', 'edge', 'node', 'object', 'entry', 'element', 'doc', 'document'],
  ...['entity', 'resource', 'hit', 'body'],
]);

/** The words of a key: `createdOrderItem`, `created_order-item` → created, order, item. */
export function wordsOf(key: string): string[] {
  return key
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

/** `categories` → `category`, `boxes` → `box`, `orders` → `order`. */
export function singular(word: string): string {
  if (word.length <= 3) return word;
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  if (/(?:s|x|ch|sh)es$/.test(word)) return word.slice(0, -2);
  return word.endsWith('s') && !/(?:ss|us|is)$/.test(word) ? word.slice(0, -1) : word;
}

/** The kind of thing a collection or key names. */
function entityOf(key: string): string {
  return singular(wordsOf(key).join(''));
}

/** What a page does to a thing that its query names: `/label/edit/?id=4`. */
const ACTIONS = new Set([
  ...['action', 'change', 'delete', 'destroy', 'detail', 'edit', 'form', 'history', 'modify', 'remove'],
  ...['save', 'show', 'update', 'view'],
]);

/** The kind of thing that a path is about, without what is done to it. */
function thingOfPath(segments: readonly string[]): string {
  const last = segments.findLastIndex((segment) => segment !== '');
  const isAction = last > 1 && ACTIONS.has(singular(segments[last]!.toLowerCase()));
  return collectionBefore(segments, isAction ? last : segments.length);
}

export interface Attribute {
  attribute: string;
  /** The words before it, as one. */
  owner: string;
}

/** The identifying attribute of a key; null when the key names none. */
export function attributeOf(key: string): Attribute | null {
  const words = wordsOf(key);
  // `author_id_eq`, `author__id__exact`
  if (words.length > 1 && OPERATORS.has(words.at(-1)!) && SUFFIXES.has(words.at(-2)!)) words.pop();
  const last = words.at(-1);
  if (last === undefined) return null;
  if (words.length === 1) return ATTRIBUTES.has(last) ? { attribute: last, owner: '' } : null;
  return SUFFIXES.has(last) ? { attribute: last, owner: singular(words.slice(0, -1).join('')) } : null;
}

/** The literal segment before position `at` of a template, `/api/orders/{id}` at 3 → `order`. */
function collectionBefore(segments: readonly string[], at: number): string {
  for (let i = at - 1; i > 0; i--) {
    const segment = segments[i]!;
    if (segment === '' || segment.startsWith('{')) continue;
    const name = segment.replace(/\.\w+$/, '');
    // `/users/ids/7`, `/user-ids/7`: called as the id is, by itself or with its thing.
    if (IDS.has(name.toLowerCase())) continue;
    return attributeOf(singular(name))?.owner || entityOf(name);
  }
  return '';
}

/** What the place at `path`, a leaf pattern of a message of `endpoint` (a template), holds by its name. */
export function namingOf(path: string, endpoint: string): Naming {
  const segments = endpoint.split(' ')[0]!.split('/');
  const segment = /^path\[(\d+)\]$/.exec(path);
  if (segment) {
    const at = Number(segment[1]) + 1;
    const isParameter = segments[at]?.startsWith('{') ?? false;
    return isParameter
      ? { role: 'id', entity: collectionBefore(segments, at), isOwn: false }
      : { role: 'other', entity: '', isOwn: false };
  }
  // Of a token the one it was made for (RFC 7519 section 4.1.2), who may be named nowhere else.
  if (/!jwt\.(?:sub|u?id|_id)$/.test(path)) return { role: 'id', entity: 'user', isOwn: true };
  // Which version of a thing an answer shows: read there, and sent back as a condition (RFC 9110 section 13.1).
  if (ENTITY_TAG.test(path)) return { role: 'cursor', entity: 'entity tag', isOwn: true };
  // An answer that says `Location: 41`.
  if (path === 'header.location')
    return { role: 'id', entity: collectionBefore(segments, segments.length), isOwn: true };
  const keys = path
    .replace(/#.*$/, '')
    .split(STEPS)
    .filter((key) => key !== '');
  const key = keys.at(-1) ?? '';
  if (CURSORS.has(wordsOf(key).join(''))) return { role: 'cursor', entity: 'cursor', isOwn: true };
  const found =
    keys.length > 1
      ? (attributeOf(key) ?? (IDS.has(key.toLowerCase()) && path.endsWith('[]') ? OWN_IDS : null))
      : null;
  // `labels: [3]`, `?milestones=3`: called as a kind of thing is, a number may say which.
  const isThing = /^(?:body|query)\.[^#]*$/.test(path) && !WRAPPERS.has(entityOf(key)) && !isSpot(keys);
  if (!found)
    return { role: 'other', entity: isThing && !isCount(path, key) ? entityOf(key) : '', isOwn: false };
  // `page.number`: which of the pages.
  if (NUMBERS.has(found.attribute) && PAGES.has(entityOf(keys.at(-2)!)))
    return { role: 'other', entity: '', isOwn: false };
  const around = enclosingEntity(keys.slice(1, -1)) || thingOfPath(segments);
  // `rowId`, `documentId`: another id of the thing around it.
  if (ITSELF.has(found.owner)) return { role: 'id', entity: `${around} ${found.owner}`, isOwn: true };
  if (found.owner !== '') return { role: 'id', entity: found.owner, isOwn: found.owner === around };
  if (WEAK.has(found.attribute)) return { role: 'other', entity: '', isOwn: false };
  return { role: 'id', entity: around, isOwn: true };
}

/** Between the names of fields; `lines-0-book` is one of the first of several. */
const STEPS = /[.[\]"]+|-\d+-/;
const ENTITY_TAG = /^header\.(?:etag|if-match|if-none-match)$/;

/** Where in a text: `locations: [{ line: 1, column: 16 }]`. */
function isSpot(keys: readonly string[]): boolean {
  return keys.at(-1) === 'line' && SPOTS.has(entityOf(keys.at(-2)!));
}

/** Whether a key says how many there are: `{ orders: 7 }`, not `labels: [3]`; a query asks for things. */
function isCount(path: string, key: string): boolean {
  return path.startsWith('body.') && !path.endsWith('[]') && entityOf(key) !== wordsOf(key).join('');
}

/** The innermost key that names a kind of thing. */
function enclosingEntity(keys: readonly string[]): string {
  for (const key of keys.toReversed()) {
    const entity = entityOf(key);
    if (entity !== '' && !WRAPPERS.has(entity)) return withoutRole(key) || entity;
  }
  return '';
}

/** `activeCustomer`, `current_user`: a customer, a user; '' of another key, and of one that then says nothing. */
function withoutRole(key: string): string {
  const [first = '', ...rest] = wordsOf(key);
  const entity = ROLES.has(first) ? singular(rest.join('')) : '';
  return WRAPPERS.has(entity) ? '' : entity;
}
