// The HTTPS server of the webhooks: bounds, the certificate as the Secret has it now, one route for each webhook. It never
// errors outward: whatever goes wrong inside lets the object pass, with a warning and a count.
import { createSecureContext, type SecureContext, type Server } from 'node:tls';
import type { Clock, Logger } from '@echoplane/runtime';
import { type FastifyInstance, fastify } from 'fastify';
import {
  type AdmissionRequest,
  answerReview,
  type Decision,
  FAIL_OPEN,
  readReview,
} from './admission-review.ts';

export interface Webhook {
  path: string;
  /** Whether trouble of ours lets the object pass; a refusal of its own always holds. */
  failOpen: boolean;
  decide(request: AdmissionRequest): Promise<Decision> | Decision;
}
export interface WebhookServerOptions {
  webhooks: readonly Webhook[];
  certificate: ServingCertificate;
  measure: AdmissionMeasure;
  clock: Clock;
  log: Logger;
}

/** Objects are at most 1.5 MiB in etcd; a review holds the old one too. */
const MAX_BODY_BYTES = 4 << 20;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 120_000;
const MAX_CONNECTIONS = 512;

/** The server; the caller listens and closes. */
export function createWebhookServer(options: WebhookServerOptions): FastifyInstance {
  const { webhooks, certificate, measure, clock, log } = options;
  const server = fastify({
    https: certificate.serverOptions(),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    logger: false,
  });
  server.server.maxConnections = MAX_CONNECTIONS;
  certificate.serveOn(server.server);
  for (const webhook of webhooks) {
    server.post(webhook.path, async (http, reply) => {
      const beganUs = clock.nowUs();
      const request = readReview(http.body);
      const { decision, outcome } = await decide(webhook, request, log);
      const answer = answerReview(request, decision);
      measure.count(webhook.path, outcome, clock.nowUs() - beganUs);
      return reply.send(answer);
    });
  }
  server.setErrorHandler((err, http, reply) => {
    measure.count(http.url, 'malformed', 0);
    return reply.code(400).send({ message: (err as Error).message });
  });
  return server;
}

async function decide(
  webhook: Webhook,
  request: AdmissionRequest,
  log: Logger,
): Promise<{ decision: Decision; outcome: string }> {
  try {
    const decision = await webhook.decide(request);
    return { decision, outcome: outcomeOf(decision) };
  } catch (err) {
    const { namespace, name, kind } = request;
    log.error({ err, webhook: webhook.path, namespace, name, kind: kind.kind }, 'a webhook failed');
    if (webhook.failOpen) return { decision: FAIL_OPEN, outcome: 'error' };
    const message = 'Echoplane could not check this object; see the log of its operator and try again';
    return { decision: { allowed: false, message }, outcome: 'error' };
  }
}

function outcomeOf({ allowed, object, warnings, withoutAuthority }: Decision): string {
  if (!allowed) return 'refused';
  if (withoutAuthority) return 'without-authority';
  if (object !== undefined) return 'changed';
  return warnings?.length ? 'left-alone' : 'allowed';
}

/** The certificate our servers show, exchanged in memory: connections that are open keep theirs. */
export class ServingCertificate {
  context: SecureContext | null = null;
  #pair: { cert: string; key: string } | null = null;
  readonly #servers: Server[] = [];

  /** Shows this from the next handshake on. Throws when they do not belong together. */
  show(cert: string, key: string): void {
    if (this.#pair?.cert === cert && this.#pair.key === key) return;
    this.context = createSecureContext({ cert, key });
    this.#pair = { cert, key };
    for (const server of this.#servers) server.setSecureContext(this.#pair);
  }

  /** Asked at each handshake. */
  serverOptions(): { minVersion: 'TLSv1.2'; SNICallback: SNICallback } {
    return { minVersion: 'TLSv1.2', SNICallback: (_name, done) => done(null, this.context ?? undefined) };
  }

  /** For clients that name no server, such as those that dial an address. */
  serveOn(server: Server): void {
    this.#servers.push(server);
    if (this.#pair) server.setSecureContext(this.#pair);
  }
}

type SNICallback = (name: string, done: (err: Error | null, context?: SecureContext) => void) => void;

const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.5, 2];

/** Counts and times of admissions, for the metrics page. */
export class AdmissionMeasure {
  /** By `path outcome`. */
  readonly outcomes = new Map<string, { path: string; outcome: string; count: number }>();
  readonly buckets = BUCKETS_S.map((le) => ({ le, count: 0 }));
  sumS = 0;
  total = 0;

  count(path: string, outcome: string, tookUs: number): void {
    const key = `${path} ${outcome}`;
    const known = this.outcomes.get(key);
    // Paths that nobody serves are no names for a metric.
    if (known) known.count++;
    else if (this.outcomes.size < 100) this.outcomes.set(key, { path, outcome, count: 1 });
    const tookS = tookUs / 1e6;
    for (const bucket of this.buckets) if (tookS <= bucket.le) bucket.count++;
    this.sumS += tookS;
    this.total++;
  }
}
