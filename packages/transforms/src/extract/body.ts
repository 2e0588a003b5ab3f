// Extractors of bodies: the whole, or a field of a form, of GraphQL.
import { z } from 'zod';
import { create, defineExtractor, index, of, orCreated, type Place } from '../extractor-kind.ts';
import { json } from '../functions/json.ts';
import type { Draft, Side } from '../message.ts';
import { textOf } from '../value.ts';
import { readPair, writePair } from './message-line.ts';

const COMPRESSIONS = new Set(['gzip', 'deflate', 'br']);

export const body = defineExtractor(
  'body',
  'The body, behind its content coding; as it was sent when the first function decompresses.',
  {
    of: of(),
    raw: z
      .boolean()
      .optional()
      .describe('As it was sent, under its content coding; decided by the first function without it.'),
  },
  (config, setting) =>
    bodyPlace(config.of ?? setting.side, config.raw ?? COMPRESSIONS.has(setting.first ?? '')),
);

export function bodyPlace(side: Side, raw: boolean): Place {
  return {
    path: `${side}.body`,
    read: (draft) => draft.body(side, raw),
    write: (draft, value) => draft.setBody(side, value, raw),
  };
}

export const form = defineExtractor(
  'form',
  'A field of a urlencoded form, decoded.',
  {
    of: of(),
    field: z.string().min(1).max(1_000).describe('Name of the field.'),
    index: index(),
    create: create(),
  },
  (config, setting) => {
    const side = config.of ?? setting.side;
    const text = (draft: Draft) => {
      const body = draft.body(side, false);
      return body === undefined ? undefined : textOf(body);
    };
    return {
      path: `${side}.body.${config.field}`,
      read: (draft) => {
        const pairs = text(draft);
        return pairs === undefined
          ? undefined
          : orCreated(readPair(pairs, config.field, config.index), config.create);
      },
      write: (draft, value) =>
        draft.setBody(side, writePair(text(draft)!, config.field, config.index, textOf(value)), false),
    };
  },
);

export const graphql = defineExtractor(
  'graphql',
  'A variable or the operation name of a GraphQL request.',
  {
    variable: z
      .string()
      .min(1)
      .max(1_000)
      .optional()
      .describe('Path of a variable, `input.email`; the operation name without it.'),
  },
  ({ variable }) => ({
    ...bodyPlace('request', false),
    steps: [
      json.compile(
        { path: variable === undefined ? 'operationName' : `variables.${variable}`, create: false },
        NOTHING_ASKED,
      ),
    ],
  }),
);

/** `json` asks nothing of the compiler. */
const NOTHING_ASKED = null as never;
