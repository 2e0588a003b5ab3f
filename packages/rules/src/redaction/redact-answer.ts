// A live answer of the service under test, redacted as the recording of the same test was, so that what was equal is equal
// still. It must not know what the answer is compared with.
import { type Body, type HttpResponse, type RequestParts, type RRPair, settleBody } from '@echoplane/traffic';
import type { Redactor } from './redactor.ts';

/** What a rule with a `when` can ask of the test. */
export interface AnsweredTest {
  endpoint: string;
  request: RequestParts;
  protocol?: string | undefined;
}

/** The answer as a recording of it would hold it; the one given stays as it is. */
export function redactAnswer(redactor: Redactor, test: AnsweredTest, answer: HttpResponse): HttpResponse {
  const { headers, trailers, body } = answer;
  const copy = (list: HttpResponse['headers']): HttpResponse['headers'] =>
    list.map(([name, value]) => [name, value]);
  const response: HttpResponse = {
    ...answer,
    headers: copy(headers),
    ...(trailers ? { trailers: copy(trailers) } : {}),
    body: asText(body),
  };
  redactor.pair(pairOf(test, response));
  settleBody(response.body);
  return response;
}

/** Who changes a body changes its text. */
function asText({ json, ...body }: Body): Body {
  return json === undefined ? body : { ...body, text: JSON.stringify(json) };
}

/** The request is the recorded one, redacted already: reading it again changes nothing. */
function pairOf({ request, protocol }: AnsweredTest, response: HttpResponse): RRPair {
  const nobody = { ip: '', port: 0, host: null };
  const host = request.headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? '';
  const { method, target, headers, body } = request;
  return {
    ...{
      v: 1,
      id: '',
      ts: 0,
      durationUs: 0,
      ttfbUs: null,
      direction: 'IN',
      protocol: protocol ?? 'http/1.1',
    },
    source: { cluster: '', namespace: '', workload: { kind: '', name: '' }, pod: '', container: '' },
    ...{ client: nobody, server: nobody, tls: null, connection: { id: '', seq: 0 }, session: null },
    request: {
      method,
      url: `http://${host}${target}`,
      headers: headers.map(([n, v]) => [n, v]),
      body: { ...body },
    },
    ...{ response, error: null, tags: {}, redactions: [] },
  };
}
