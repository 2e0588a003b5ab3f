// The extractor that takes the path of a leaf, as reports, tokens and differences name it: `request.body.items[0].id`,
// `response.header.location#1`, and on into a token: `request.header.authorization.jwt.claims.exp`.
import { z } from 'zod';
import { defineExtractor, type ExtractorSetting, type Place } from '../extractor-kind.ts';
import { base64 } from '../functions/encoding.ts';
import { json } from '../functions/json.ts';
import { jwt } from '../functions/jwt.ts';
import type { Side } from '../message.ts';
import type { Step } from '../run.ts';
import { miss, sameValue, textOf } from '../value.ts';
import { bodyPlace, form } from './body.ts';
import { cookie, header, query, status, trailer, url } from './message-line.ts';

export const pair = defineExtractor(
  'pair',
  'A value of the exchange by the path of its leaf, as reports and tokens name it; on into tokens with `.jwt.claims.…`.',
  {
    path: z
      .string()
      .regex(/^(request|response)\./, 'begins with request. or response.')
      .max(1_000)
      .describe(
        '`request.body.items[0].id`, `response.header.location#1`, `request.header.authorization.jwt.claims.exp`.',
      ),
  },
  ({ path }, setting) => placeOf(path, setting),
);

function placeOf(path: string, setting: ExtractorSetting): Place {
  const dot = path.indexOf('.');
  const of = path.slice(0, dot) as Side;
  const { leaf, steps } = splitInner(path.slice(dot + 1));
  const base = leafPlace(of, leaf, { ...setting, side: of });
  return { ...base, steps: [...(base.steps ?? []), ...steps] };
}

/** `#n`: the n-th piece between separators; `!jwt.sub`, `.jwt.claims.sub`, `!b64.id`: on into what the value encodes. */
function splitInner(path: string): { leaf: string; steps: Step[] } {
  const steps: Step[] = [];
  const [, leaf = '', rest = ''] =
    /^(.*?)((?:#\d+|!jwt|!b64|\.jwt\.(?:claims|header)).*)?$/s.exec(path) ?? [];
  for (let left = rest; left !== ''; ) {
    const match = /^(?:#(\d+)|!(jwt|b64)(\.[^#!]+)?|\.jwt(\.(?:claims|header)[^#!]*))/.exec(left);
    if (!match)
      throw new Error(`"${left}" is no way into a value; write #n, !jwt.…, !b64.… or .jwt.claims.…`);
    left = left.slice(match[0].length);
    const [, piece, kind, inner, claims] = match;
    if (piece !== undefined) steps.push(pieceStep(Number(piece)));
    else if (kind === 'b64') {
      steps.push(base64.compile({}, NOTHING_ASKED));
      if (inner) steps.push(json.compile({ path: inner.slice(1), create: false }, NOTHING_ASKED));
    } else {
      const at = claims?.slice(1) ?? `claims${inner ?? ''}`;
      steps.push(jwt.compile({ path: at, create: false }, NOTHING_ASKED));
    }
  }
  return { leaf, steps };
}

/** `jwt`, `json` and `base64` ask nothing of the compiler. */
const NOTHING_ASKED = null as never;
const PIECE = /[^\s/?&=;,"'<>:()]+/g;

function pieceStep(index: number): Step {
  return (value, run, next) => {
    const text = textOf(value);
    const piece = [...text.matchAll(PIECE)][index];
    if (!piece) return miss(`there is no piece ${index}`);
    const made = run.window(`#${index}`, piece[0], next);
    if (sameValue(made, piece[0])) return value;
    return text.slice(0, piece.index) + textOf(made) + text.slice(piece.index + piece[0].length);
  };
}

function leafPlace(of: Side, leaf: string, setting: ExtractorSetting): Place {
  if (leaf === 'status' && of === 'response') return status.compile({}, setting);
  if (leaf === 'body') return bodyPlace(of, false);
  const segment = /^path\[(\d+)\]$/.exec(leaf);
  if (segment) return url.compile({ part: 'path', segment: Number(segment[1]) }, setting);
  const [, kind, name = '', at] = /^(header|trailer|cookie|query)\.(.+?)(?:\[(\d+)\])?$/.exec(leaf) ?? [];
  const index = Number(at ?? 0);
  if (kind === 'header') return header.compile({ of, header: name, index, create: false }, setting);
  if (kind === 'trailer') return trailer.compile({ of, trailer: name, index, create: false }, setting);
  if (kind === 'cookie') return cookie.compile({ of, cookie: name }, setting);
  if (kind === 'query') return query.compile({ parameter: name, index, create: false }, setting);
  if (!/^body[.[]/.test(leaf)) throw new Error(`"${leaf}" names no leaf of a ${of}`);
  return bodyLeaf(of, leaf.slice(leaf[4] === '.' ? 5 : 4), setting);
}

/** JSON, or a form where the body is one. */
function bodyLeaf(of: Side, path: string, setting: ExtractorSetting): Place {
  const [, field = path, at] = /^(.+?)(?:\[(\d+)\])?$/.exec(path) ?? [];
  const inForm = form.compile({ of, field, index: Number(at ?? 0), create: false }, setting);
  const inJson = json.compile({ path, create: false }, NOTHING_ASKED);
  const whole = bodyPlace(of, false);
  const isJson = (value: unknown) => typeof value === 'string' && /^\s*[[{]/.test(value);
  const fromWhole = new WeakSet<object>();
  return {
    path: whole.path,
    read: (draft, run) => {
      const body = whole.read(draft, run);
      if (!isJson(body)) return inForm.read(draft, run);
      fromWhole.add(run);
      return body;
    },
    write: (draft, value, run) => (fromWhole.has(run) ? whole : inForm).write(draft, value, run),
    steps: [(value, run, next) => (fromWhole.has(run) ? inJson(value, run, next) : next(value))],
  };
}
