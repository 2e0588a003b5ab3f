// What the API server says when it does not do what was asked, decoded from its Status object.
import { OperatingError } from '@echoplane/runtime';
import type { KubeErrorShape } from './contract.ts';

/** The fields of a Status that decisions are made by. */
export interface Status {
  reason?: string;
  message?: string;
  code?: number;
  details?: { causes?: { reason?: string; message?: string; field?: string }[]; [key: string]: unknown };
  metadata?: { continue?: string };
}

const MAX_QUOTED = 300;

/** An answer of the API server that is no success. */
export class KubeError extends OperatingError implements KubeErrorShape {
  override readonly name = 'KubeError';
  readonly status: number;
  /** `NotFound`, `AlreadyExists`, `Conflict`, `Forbidden`, `Invalid`, `Expired`, …; empty when who answered gave none. */
  readonly reason: string;
  /** The whole Status; undefined when the answer was none, as from a proxy in between. */
  readonly details: Status | undefined;

  constructor(status: number, reason: string, message: string, details?: Status) {
    super('kube_refused', message);
    this.status = status;
    this.reason = reason;
    this.details = details;
  }
}

/** The error of an answer; `asked` is what was asked for, for an answer that does not say it itself. */
export function decodeError(status: number, body: string, asked: string): KubeError {
  const decoded = parseStatus(body);
  if (decoded) return errorOfStatus(decoded, status, asked);
  const said = body.trim().slice(0, MAX_QUOTED);
  return new KubeError(status, '', `${asked} was answered ${status}${said ? `: ${said}` : ''}`);
}

/** The error of a Status object, as it also comes within a watch. */
export function errorOfStatus(details: Status, status: number, asked: string): KubeError {
  const message = details.message || `${asked} was answered ${status} ${details.reason ?? ''}`.trim();
  return new KubeError(details.code ?? status, details.reason ?? '', message, details);
}

function parseStatus(body: string): Status | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && (value as { kind?: string }).kind === 'Status'
      ? (value as Status)
      : null;
  } catch {
    return null;
  }
}

/** Whether the thing asked for is not there. */
export const isNotFound = (err: unknown): boolean => err instanceof KubeError && err.status === 404;

/** Whether somebody else wrote first, or the name is taken: read again, then decide. */
export const isConflict = (err: unknown): boolean => err instanceof KubeError && err.status === 409;

/** Whether the version asked for is older than what the server remembers: list again. */
export const isExpired = (err: unknown): boolean =>
  err instanceof KubeError && (err.status === 410 || err.reason === 'Expired' || err.reason === 'Gone');
