// Endpoint templates: `/orders/9f1c…` → `/orders/{id}`, by the shape of each path segment. One versioned templater for
// the forwarder, the analyzer and the report, so that all of them name an endpoint alike. Pure.

export const ENDPOINT_TEMPLATE_VERSION = 1;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DIGITS = /^\d+$/;
const HEX = /^(?=.*\d)[0-9a-f]{8,}$/i;
/** Prefixed ids such as `ch_3kTa91…`: a short word, then at least eight characters with a digit among them. */
const PREFIXED = /^[a-z]{1,12}_(?=[^_]*\d)[A-Za-z0-9]{8,}$/;
/** Long mixed tokens: letters of both cases and digits, or at least 20 characters with digits. */
const TOKEN = /^(?=.*\d)(?=.*[a-zA-Z])[A-Za-z0-9_-]{20,}$/;
const EMAIL = /^[^@\s]+(@|%40)[^@\s]+\.[^@\s]+$/;
const DATE = /^\d{4}-\d{2}-\d{2}/;

/** Whether a path segment names one entity rather than a kind of thing. */
export function isParameter(segment: string): boolean {
  return [UUID, DIGITS, HEX, PREFIXED, TOKEN, EMAIL, DATE].some((shape) => shape.test(segment));
}

/** The template of a path; `{id}` stands for each segment that names an entity. The query is not part of it. */
export function endpointOf(path: string): string {
  if (path === '') return '';
  return path
    .split('/')
    .map((segment) => (isParameter(segment) ? '{id}' : segment))
    .join('/');
}
