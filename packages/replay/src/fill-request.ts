// A recorded request with live values in it: tokens wherever they stand, values of flows at their places. Types, formatting and
// codings stay as they were. Pure; it must not know where the values come from.
import {
  type Body,
  bodyBytes,
  encoded,
  type HeaderList,
  header,
  knownCodings,
  type RequestParts,
  type Test,
} from '@echoplane/traffic';
import { atomsOfText, withAtom } from './atoms-of-text.ts';
import { bodyTree, formTree, mediaType, readableText } from './body-tree.ts';
import { editGrpc } from './edit-protobuf.ts';
import { NUMBER_STEP, withNumber } from './glued-numbers.ts';
import { openValue } from './inner-leaves.ts';
import { JSON_STEP } from './json-inside.ts';
import { jsonSpots } from './json-text.ts';
import { withKeys } from './keyed-values.ts';
import { insideAt } from './leaves.ts';
import { type Carrier, type Replacement, replaceValues, urlEncoded, xmlEscaped } from './replace-values.ts';
import { Spot, type TreeNode, treeSpots } from './tree.ts';

/** A leaf of a request, the way inside its text (`#2`, `!b64.id`), and what is to stand there. */
export interface PlacedValue {
  path: string;
  inside: string;
  live: string;
}

/** The request with `tokens` replaced everywhere, `places` set, and objects of its JSON keyed by other `keys`. */
export function fillRequest(
  request: Test['request'],
  tokens: readonly Replacement[],
  places: readonly PlacedValue[],
  keys: ReadonlyMap<string, string> = NO_KEYS,
): Test['request'] {
  const placed =
    places.length === 0
      ? request
      : withPlaces(
          request,
          Map.groupBy(places, ({ path }) => path),
        );
  const filled = tokens.length === 0 ? placed : withTokens(placed, tokens);
  if (keys.size === 0) return filled;
  const body = changedBody(filled.body, filled.headers, {
    text: (text) => withKeys(text, keys),
    leaf: (_path, value) => value,
  });
  return { ...filled, body };
}

const NO_KEYS: ReadonlyMap<string, string> = new Map();

function withTokens<R extends RequestParts>(request: R, tokens: readonly Replacement[]): R {
  const headers = request.headers.map(([name, value]): [string, string] => [
    name,
    name.toLowerCase() === 'host' ? value : replaceValues(value, tokens, 'plain'),
  ]);
  const body = changedBody(request.body, request.headers, {
    text: (text, carrier) => replaceValues(text, tokens, carrier),
    leaf: (_path, value) => (typeof value === 'string' ? replaceValues(value, tokens, 'plain') : value),
  });
  return { ...request, target: replaceValues(request.target, tokens, 'url'), headers, body };
}

type Edits = Map<string, PlacedValue[]>;

function withPlaces<R extends RequestParts>(request: R, edits: Edits): R {
  const isBody = (path: string) => path.startsWith('body');
  const headers = headersWith(request.headers, edits);
  const body = [...edits.keys()].some(isBody)
    ? changedBody(request.body, request.headers, {
        text: (text) => textWith(text, bodySpots(request.body, request.headers, text), edits),
        leaf: (path, value) => {
          const asked = edits.get(path);
          return asked && value !== null ? edited(String(value), asked) : value;
        },
      })
    : request.body;
  return { ...request, target: targetWith(request.target, edits), headers, body };
}

function targetWith(target: string, edits: Edits): string {
  const mark = target.indexOf('?');
  const path = (mark < 0 ? target : target.slice(0, mark)).split('/').map((segment, i) => {
    const asked = edits.get(`path[${i - 1}]`);
    return asked ? urlEncoded(edited(decodeURIComponent(segment), asked)) : segment;
  });
  if (mark < 0) return path.join('/');
  const query = target.slice(mark + 1);
  return `${path.join('/')}?${textWith(query, spotsByPath('query', formTree(query)), edits)}`;
}

function headersWith(headers: HeaderList, edits: Edits): HeaderList {
  const seen = new Map<string, number>();
  const asked = (name: string) => {
    const n = seen.get(name) ?? 0;
    seen.set(name, n + 1);
    return edits.get(n === 0 ? name : `${name}[${n}]`);
  };
  return headers.map(([name, value]): [string, string] => {
    if (name.toLowerCase() !== 'cookie') {
      const found = asked(`header.${name.toLowerCase()}`);
      return [name, found ? edited(value, found) : value];
    }
    const pairs = value.split(';').map((pair) => {
      const equals = pair.indexOf('=');
      const found = equals < 0 ? undefined : asked(`cookie.${pair.slice(0, equals).trim()}`);
      return found ? pair.slice(0, equals + 1) + edited(pair.slice(equals + 1).trim(), found) : pair;
    });
    return [name, pairs.join(';')];
  });
}

/** A value with what is inside it replaced, whole or in pieces. */
function edited(value: string, places: readonly PlacedValue[]): string {
  return places.reduce((text, { inside, live }) => insideWith(text, inside, live), value);
}

function insideWith(text: string, inside: string, live: string): string {
  if (inside === '') return live;
  if (inside.endsWith(NUMBER_STEP)) {
    const holder = inside.slice(0, -NUMBER_STEP.length);
    const piece = insideAt(text, holder);
    return piece === undefined ? text : insideWith(text, holder, withNumber(piece, live));
  }
  if (inside.startsWith(JSON_STEP)) {
    const path = inside.slice(JSON_STEP.length);
    return textWith(text, spotsByPath('', jsonSpots(text)), new Map([[path, [{ path, inside: '', live }]]]));
  }
  const [, atom, step, rest] = /^(?:#(\d+))?(?:(!jwt|!b64)(.*))?$/s.exec(inside)!;
  if (step === undefined) return withAtom(text, Number(atom), live);
  const held = atom === undefined ? text : (atomsOfText(text)[Number(atom)] ?? '');
  const opened = openValue(held);
  if (!opened || opened.step !== step) return text;
  const [, path, deeper] = /^(.*?)((?:#\d|!).*)?$/s.exec(rest!)!;
  const spots =
    typeof opened.root === 'object'
      ? spotsByPath('', jsonSpots(opened.text))
      : new Map([['', new Spot(opened.text, 0, opened.text.length, 'raw')]]);
  const changed = textWith(
    opened.text,
    spots,
    new Map([[path!, [{ path: path!, inside: deeper ?? '', live }]]]),
  );
  const closed = opened.close(changed);
  return atom === undefined ? closed : withAtom(text, Number(atom), closed);
}

function bodySpots(body: Body, headers: HeaderList, text: string): Map<string, Spot> {
  const { format, root } = bodyTree(body, headers);
  if (format === 'json') return spotsByPath('body', jsonSpots(text));
  return spotsByPath('body', typeof root === 'string' ? new Spot(root, 0, text.length, 'raw') : root);
}

function spotsByPath(prefix: string, root: TreeNode): Map<string, Spot> {
  return new Map(treeSpots(prefix, root));
}

/** A text with what stands at its spots replaced. */
function textWith(text: string, spots: ReadonlyMap<string, Spot>, edits: Edits): string {
  const changes = [...spots].flatMap(([path, spot]) => {
    const asked = edits.get(path);
    return asked ? [{ spot, live: edited(String(spot.value), asked) }] : [];
  });
  changes.sort((a, b) => b.spot.start - a.spot.start);
  return changes.reduce(
    (changed, { spot, live }) => changed.slice(0, spot.start) + written(spot, live) + changed.slice(spot.end),
    text,
  );
}

function written({ value, written: as }: Spot, live: string): string {
  switch (as) {
    case 'json':
      return typeof value === 'number' && /^-?\d+(\.\d+)?$/.test(live) ? live : JSON.stringify(live);
    case 'xml':
      return xmlEscaped(live);
    case 'form':
      return urlEncoded(live);
    default:
      return live;
  }
}

interface BodyChange {
  text(text: string, carrier: Carrier): string;
  /** Of a format without text. */
  leaf(path: string, value: string | number | boolean | null): string | number | boolean | null;
}

/** The body changed and written as it was, with its coding; the same object when nothing changed. */
function changedBody(body: Body, headers: HeaderList, change: BodyChange): Body {
  if (body.size === 0 || body.ref !== undefined) return body;
  const isBytes = body.base64 !== undefined && body.decoded === undefined;
  if (mediaType(headers).startsWith('application/grpc')) {
    const bytes = bodyBytes(body);
    const changed = editGrpc(bytes, header(headers, 'grpc-encoding') ?? '', change.leaf);
    return changed === bytes
      ? body
      : { size: changed.length, encoding: body.encoding, base64: changed.toString('base64') };
  }
  if (isBytes && !mediaType(headers).startsWith('multipart/')) return body;
  const text = readableText(body);
  const changed = change.text(text, carrierOf(body, headers, text));
  if (changed === text) return body;
  if (body.base64 === undefined)
    return { size: Buffer.byteLength(changed), encoding: body.encoding, text: changed };
  const plain = Buffer.from(changed, isBytes ? 'latin1' : 'utf8');
  const bytes = isBytes ? plain : encoded(plain, knownCodings(body.encoding), bodyBytes(body));
  return {
    size: bytes.length,
    encoding: body.encoding,
    base64: bytes.toString('base64'),
    ...(isBytes ? {} : { decoded: changed }),
  };
}

function carrierOf(body: Body, headers: HeaderList, text: string): Carrier {
  if (body.json !== undefined) return 'json';
  const type = mediaType(headers);
  if (type === 'application/x-www-form-urlencoded') return 'url';
  if (type.endsWith('json') || /^\s*[{[]/.test(text)) return 'json';
  return type.endsWith('xml') ? 'xml' : 'plain';
}
