// The names of the filter language: fields, parts of a message, functions, with their types and what they mean. One table
// for the type checker, the messages of errors and the page docs/filters.md, which a test holds against it.
import { Environment } from '@marcbachmann/cel-js';
import { LIMITS } from './cost.ts';

export interface Name {
  type: string;
  text: string;
}

/** Flat fields, by name. */
export const FIELDS: Readonly<Record<string, Name>> = {
  direction: { type: 'string', text: '`IN` (to the service) or `OUT` (from it)' },
  protocol: { type: 'string', text: '`http/1.1`, `http/2`, `grpc`, `websocket`, …, `opaque`' },
  method: { type: 'string', text: 'request method; empty when there is none' },
  path: { type: 'string', text: 'path of the URL, as on the wire, without the query' },
  host: { type: 'string', text: 'host as the client named it, with a port where it named one' },
  endpoint: { type: 'string', text: 'path template, `/orders/{id}`' },
  status: { type: 'int', text: 'status of the response; 0 when none came' },
  grpcStatus: { type: 'int', text: 'status a gRPC call ended with; -1 when there is none' },
  latencyMs: { type: 'double', text: 'first request byte to last response byte, ms' },
  error: { type: 'string', text: '`reset`, `timeout`, `connect-failed`, …; empty when there was none' },
  service: { type: 'string', text: '`cluster/namespace/name` of the workload' },
  cluster: { type: 'string', text: 'cluster of the workload' },
  ns: { type: 'string', text: 'namespace of the workload (`namespace` is reserved in CEL)' },
  workload: { type: 'string', text: 'name of the workload' },
  session: { type: 'string', text: 'session the request belongs to; empty when it is unknown' },
  tags: { type: 'map<string, string>', text: 'tags of the pair, such as `tags.replay`' },
  request: { type: 'Request', text: 'the request, see below' },
  response: { type: 'Response', text: 'the response, see below' },
};

const HEADERS = 'by lower-case name; repeated ones are joined by `, `';
const MESSAGE: Readonly<Record<string, Name>> = {
  headers: { type: 'map<string, string>', text: `headers ${HEADERS}` },
  trailers: { type: 'map<string, string>', text: `trailers ${HEADERS}` },
  size: { type: 'int', text: 'bytes of the body on the wire' },
  text: {
    type: 'string',
    text: 'the body as text, decompressed, its first 256 Ki characters; empty when it is binary',
  },
  json: { type: 'dyn', text: 'the body parsed as JSON; absent when it is not JSON' },
};
/** Parts of `request` and `response`, by name. */
export const REQUEST: Readonly<Record<string, Name>> = {
  ...MESSAGE,
  query: { type: 'string', text: 'query of the URL, without the `?`; requests only' },
};
export const RESPONSE = MESSAGE;

/** Functions and macros that expressions may use; `x` stands for what they are called on. */
export const FUNCTIONS: Readonly<Record<string, string>> = {
  startsWith: '`x.startsWith("a")`',
  endsWith: '`x.endsWith("a")`',
  contains: '`x.contains("a")`',
  matches: '`x.matches("^/v[0-9]+/")`: RE2 syntax, found anywhere; the pattern is a literal',
  size: '`size(x)` or `x.size()`: characters of a text, entries of a list or map',
  lowerAscii: '`x.lowerAscii()`: in lower case',
  upperAscii: '`x.upperAscii()`: in upper case',
  trim: '`x.trim()`: without blanks around it',
  indexOf: '`x.indexOf("a")`: position, or -1',
  substring: '`x.substring(1)`, `x.substring(1, 4)`',
  split: '`x.split(",")`: a list',
  join: '`list.join(",")`: a text',
  int: '`int("42")`, `int(1.9)`',
  double: '`double("4.2")`, `double(status)`',
  string: '`string(status)`',
  dyn: '`dyn(x)`: the same, its type not checked beforehand',
  has: '`has(request.json.user)`: whether it is there',
  exists: '`list.exists(x, x.price > 10)`: for at least one',
  all: '`list.all(x, x.price > 10)`: for every one',
  exists_one: '`list.exists_one(x, x.price > 10)`: for exactly one',
  filter: '`list.filter(x, x.price > 10)`: those for which it holds',
  map: '`list.map(x, x.price)`: what is made of each',
};

const types = (names: Readonly<Record<string, Name>>) =>
  Object.fromEntries(Object.entries(names).map(([name, { type }]) => [name, type]));

/** A fresh CEL environment in which the fields are declared: it parses and checks; evaluating is ours. */
export function declareFields(): Environment {
  const environment = new Environment({ limits: LIMITS.parse })
    .registerType('Request', { fields: types(REQUEST) })
    .registerType('Response', { fields: types(RESPONSE) });
  for (const [name, { type }] of Object.entries(FIELDS)) environment.registerVariable(name, type);
  return environment;
}
