// What users changed of a snapshot's artifacts: `edits.json` beside them. The analyzer reads it and never writes it, so that
// edits outlive every new analysis; they name tokens and flows by ids that stay the same, and places by leaf patterns. Pure.
import {
  type Flow,
  type FlowLink,
  LeafPath,
  type ListOrder,
  leafPattern,
  leafPatternProblem,
  type OptionalLeaf,
  type Token,
  ValueKind,
  type VolatileLeaf,
} from '@echoplane/traffic';
import { compileTransforms, parseTransforms } from '@echoplane/transforms';
import { z } from 'zod';

const MAX_EDITS = 10_000;

/** Where an edit holds: without both, everywhere. */
const at = {
  method: z.string().max(32).optional(),
  /** A template, as tests have it. */
  endpoint: z.string().max(2_000).optional(),
};
const list = <T extends z.ZodType>(item: T) => z.array(item).max(MAX_EDITS).optional();
const switches = z.record(z.string(), z.boolean()).optional();

/** A document that cannot be compiled is refused here: the snapshot it is put into could not be analyzed any more. */
function refuseUnusable(document: unknown, context: z.RefinementCtx): void {
  try {
    compileTransforms(parseTransforms(document));
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
}

export const SnapshotEdits = z.strictObject({
  v: z.literal(1).default(1),
  /** By id: false switches off what was found, true switches it on again. */
  tokens: switches,
  flows: switches,
  volatile: z
    .strictObject({
      add: list(
        z.strictObject({
          ...at,
          path: LeafPath,
          kind: ValueKind,
          shape: z.string().optional(),
          why: z.string().optional(),
        }),
      ),
      /** Learned leaves that are to be compared by value after all. */
      refuse: list(z.strictObject({ ...at, path: LeafPath })),
    })
    .optional(),
  unordered: z
    .strictObject({
      add: list(z.strictObject({ ...at, path: LeafPath })),
      refuse: list(z.strictObject({ ...at, path: LeafPath })),
    })
    .optional(),
  /** Times in requests that are sent as recorded, although they look like the client's now. */
  ownTimes: z.strictObject({ refuse: list(z.strictObject({ ...at, path: LeafPath })) }).optional(),
  /** Ids of tests and mocks that are left out. */
  excludedTests: list(z.uuid()),
  excludedMocks: list(z.uuid()),
  /** Templates of endpoints, `/articles/{slug}`, which go before the learned ones. */
  endpoints: list(z.string().min(1).max(2_000).startsWith('/')),
  /** Transforms beside the recommended ones: documents, each as `transforms.json` is one. */
  transforms: list(z.record(z.string(), z.json()).superRefine(refuseUnusable)),
  /** What was decided of recommendations, by id. */
  recommendations: z.record(z.string(), z.enum(['applied', 'dismissed'])).optional(),
});
export type SnapshotEdits = z.infer<typeof SnapshotEdits>;

export const NO_EDITS: SnapshotEdits = { v: 1 };

/** Edits as somebody hands them in: a path that no leaf fits would do nothing, and is refused. Kept ones stay readable. */
export const GivenEdits = SnapshotEdits.superRefine(
  ({ volatile = {}, unordered = {}, ownTimes = {} }, context) => {
    for (const [group, lists] of Object.entries({ volatile, unordered, ownTimes }))
      for (const [list, edits] of Object.entries(lists as Record<string, { path: string }[] | undefined>))
        for (const [at, { path }] of (edits ?? []).entries()) {
          const problem = leafPatternProblem(path);
          const message = `${JSON.stringify(path)} fits no leaf: ${problem}`;
          if (problem !== null)
            context.addIssue({ code: 'custom', path: [group, list, at, 'path'], message });
        }
  },
);

interface Asked {
  method: string;
  endpoint: string;
}
type At = { method?: string | undefined; endpoint?: string | undefined };

function holds(edit: At, asked: Asked): boolean {
  return (
    (edit.method === undefined || edit.method === asked.method) &&
    (edit.endpoint === undefined || edit.endpoint === asked.endpoint)
  );
}

/** Edits, ready to be asked about many tests. */
export class EditBook {
  readonly edits: SnapshotEdits;
  readonly #excludedTests: ReadonlySet<string>;
  readonly #excludedMocks: ReadonlySet<string>;

  constructor(edits: SnapshotEdits = NO_EDITS) {
    this.edits = edits;
    this.#excludedTests = new Set(edits.excludedTests);
    this.#excludedMocks = new Set(edits.excludedMocks);
  }

  hasTest(id: string): boolean {
    return !this.#excludedTests.has(id);
  }

  hasMock(id: string): boolean {
    return !this.#excludedMocks.has(id);
  }

  /** The volatile leaves of an operation: learned, less the refused, and the added ones. */
  volatile(asked: Asked, learned: readonly VolatileLeaf[]): VolatileLeaf[] {
    const { add = [], refuse = [] } = this.edits.volatile ?? {};
    const added = add.filter((edit) => holds(edit, asked));
    const kept = learned.filter(
      ({ path }) =>
        !added.some((edit) => edit.path === path) &&
        !refuse.some((edit) => edit.path === path && holds(edit, asked)),
    );
    return [
      ...kept,
      ...added.map(({ path, kind, shape, why = 'added by a user' }) => ({
        ...{ path, kind, why },
        ...(shape === undefined ? {} : { shape }),
      })),
    ];
  }

  unordered(asked: Asked, learned: Iterable<string>): string[] {
    const { add = [], refuse = [] } = this.edits.unordered ?? {};
    const paths = new Set(learned);
    for (const edit of refuse) if (holds(edit, asked)) paths.delete(edit.path);
    for (const edit of add) if (holds(edit, asked)) paths.add(edit.path);
    return [...paths].sort();
  }

  /** Whether a leaf of a request is to be sent as it was recorded. */
  isKeptTime(asked: Asked, path: string): boolean {
    const { refuse = [] } = this.edits.ownTimes ?? {};
    return refuse.some((edit) => edit.path === leafPattern(path) && holds(edit, asked));
  }

  /** Orders of lists, less those of which a user says that theirs means nothing. */
  orders(asked: Asked, learned: readonly ListOrder[]): ListOrder[] {
    const { add = [] } = this.edits.unordered ?? {};
    return learned.filter(({ path }) => !add.some((edit) => edit.path === path && holds(edit, asked)));
  }

  /** What an answer may lack, less what is to be compared by value after all. */
  optional(asked: Asked, learned: readonly OptionalLeaf[]): OptionalLeaf[] {
    const { refuse = [] } = this.edits.volatile ?? {};
    return learned.filter(({ path }) => !refuse.some((edit) => edit.path === path && holds(edit, asked)));
  }

  token(token: Token): Token {
    return { ...token, enabled: this.edits.tokens?.[token.id] ?? token.enabled };
  }

  flow(flow: Flow): Flow {
    return { ...flow, enabled: this.edits.flows?.[flow.id] ?? flow.enabled };
  }

  /** Links of flows that are switched on. */
  links(links: readonly FlowLink[], flows: ReadonlyMap<string, Flow>): FlowLink[] {
    return links.filter(({ flow }) => flows.get(flow)?.enabled === true);
  }
}
