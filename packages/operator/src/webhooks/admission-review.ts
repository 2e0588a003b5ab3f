// AdmissionReview v1 as we speak it: what we read of a request, and the answers. Pure; an answer is made of the raw object,
// so that nothing it does not know is lost.
import { jsonPatch } from '@echoplane/injection';
import { z } from 'zod';

// biome-ignore lint/suspicious/noExplicitAny: raw JSON of any kind
export type Raw = any;

const Review = z.object({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  request: z.object({
    uid: z.string(),
    kind: z.object({ group: z.string(), version: z.string(), kind: z.string() }),
    namespace: z.string().default(''),
    name: z.string().default(''),
    operation: z.enum(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']),
    dryRun: z.boolean().default(false),
    object: z.unknown(),
    oldObject: z.unknown(),
  }),
});
export type AdmissionRequest = Omit<z.output<typeof Review>['request'], 'object' | 'oldObject'> & {
  /** As it came; null when it is deleted. */
  object: Raw;
  oldObject: Raw;
};

/** What a webhook decides. `object`: as it should be, when that differs. */
export interface Decision {
  allowed: boolean;
  object?: unknown;
  /** Of a refusal: what is wrong and what to do. */
  message?: string;
  /** The pods of what is admitted may start before the CA of their namespace is there. */
  withoutAuthority?: boolean;
  /** Shown by kubectl to whoever sent the object. */
  warnings?: readonly string[];
}

/** The request in the body of a call. Throws when it is none. */
export function readReview(body: unknown): AdmissionRequest {
  return Review.parse(body).request as AdmissionRequest;
}

/** kubectl shows no more than this much of all warnings. */
const MAX_WARNINGS = 8;
const MAX_WARNING_CHARS = 256;

/** The body of the answer. */
export function answerReview(request: AdmissionRequest, decision: Decision): object {
  const { allowed, object, message, warnings = [] } = decision;
  const patch = allowed && object !== undefined ? jsonPatch(request.object, object) : [];
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid: request.uid,
      allowed,
      ...(patch.length > 0
        ? { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }
        : {}),
      ...(message === undefined ? {} : { status: { code: 422, reason: 'Invalid', message } }),
      ...(warnings.length > 0
        ? { warnings: warnings.slice(0, MAX_WARNINGS).map((one) => one.slice(0, MAX_WARNING_CHARS)) }
        : {}),
    },
  };
}

/** What is answered for a failure of ours: the object passes, and its owner is told. */
export const FAIL_OPEN: Decision = {
  allowed: true,
  warnings: ['Echoplane could not look at this object and left it as it is; see the log of its operator'],
};
