// What a fault is: a change to the answers of one endpoint, as a regression of the service would make it. Faults are pure;
// where they are put, and whether they were found, is decided elsewhere.
import { createHash } from 'node:crypto';
import { type Answer, type GONE, type Json, jsonOf, mapNodes, nodesOf, withJson } from './answer.ts';

export interface Fault {
  name: string;
  /** What a service with this fault does, for the reader. */
  what: string;
  /**
   * What a judge must know to see it: `value`, what the leaf must be (it is the same in every start, or was said before);
   * `nothing`, that it is another kind of thing is enough.
   */
  needs: 'value' | 'nothing';
  /** Where in an answer it could be: leaf patterns, `status`, `header.location`, `body` for the whole. */
  targetsOf(answer: Answer): Iterable<string>;
  /** The answer with the fault at a target; null where it changes nothing. */
  change(answer: Answer, target: string, sight: Sight): Answer | null;
}

/** What a fault may know besides the answer. */
export interface Sight {
  /** 0..1, the same for every answer of an endpoint in a replay. */
  random: number;
  /** Earlier answers of the endpoint, oldest first. */
  earlier: readonly Seen[];
  /** The request that is answered. */
  request: Asked;
}

export interface Asked {
  target: string;
  /** Who asks: a digest of credentials, '' for nobody. */
  user: string;
}

export interface Seen extends Asked {
  answer: Answer;
  /** How many requests that may change something had been answered before. */
  writes: number;
}

type NodeChange = (value: Json, sight: NodeSight) => Json | typeof GONE | undefined;

interface NodeSight extends Sight {
  /** Last step of the pattern. */
  key: string;
  /** Another value that stood at this place in an earlier answer, or stands there in this one. */
  other(value: Json): Json | undefined;
}

/** A fault at nodes of a JSON body. `change` gives `undefined` where it does not apply. */
export function nodeFault(name: string, what: string, needs: Fault['needs'], change: NodeChange): Fault {
  const at = (answer: Answer, target: string, sight: Sight) => {
    const json = jsonOf(answer);
    if (json === undefined) return null;
    const key = target.split('.').at(-1)!.replaceAll('[]', '');
    let isChanged = false;
    const changed = mapNodes(json, target, (value) => {
      const made = change(value, { ...sight, key, other: (not) => otherAt(target, not, json, sight) });
      if (made === undefined || JSON.stringify(made) === JSON.stringify(value)) return value;
      isChanged = true;
      return made;
    });
    return isChanged ? withJson(answer, changed as Json) : null;
  };
  return {
    ...{ name, what, needs },
    targetsOf(answer) {
      const json = jsonOf(answer);
      return json === undefined
        ? []
        : new Set(
            [...nodesOf(json)]
              .map(([pattern]) => pattern)
              .filter((one) => one !== 'body' || Array.isArray(json) || name.startsWith('object')),
          );
    },
    change: at,
  };
}

function otherAt(target: string, value: Json, json: Json, { earlier }: Sight): Json | undefined {
  const own = JSON.stringify(value);
  const here = [json, ...earlier.slice(-20).map(({ answer }) => jsonOf(answer))];
  for (const one of here)
    for (const [pattern, found] of one === undefined ? [] : nodesOf(one))
      if (pattern === target && typeof found === typeof value && JSON.stringify(found) !== own) return found;
  return undefined;
}

/** A fault of the whole message. `change` gives null where it does not apply; `targets` are what is found. */
export function messageFault(
  name: string,
  what: string,
  target: string,
  change: (answer: Answer, sight: Sight) => Answer | null,
): Fault {
  return {
    ...{ name, what, needs: 'nothing' as const },
    targetsOf: () => [target],
    change: (answer, _target, sight) => change(answer, sight),
  };
}

/** 0..1 of words: the same words give the same number. */
export function chance(...words: (string | number)[]): number {
  return createHash('sha256').update(words.join('\n')).digest().readUInt32BE(0) / 2 ** 32;
}
