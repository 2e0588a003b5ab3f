// An RRPair as the line of NDJSON it is stored as. JSON bodies that are still text are written as JSON where that gives the
// same bytes back, straight from the text: the same line as `settleBody` and `JSON.stringify` give, at a third of the cost.
import { isExactJson } from './body.ts';
import type { Body, RRPair } from './rrpair.ts';

/** Stands in a body's place while the rest of the pair is printed; `mark` is not in any traffic, because nobody knows it. */
function put(body: Body | undefined, mark: string): string | null {
  const { text } = body ?? {};
  if (text === undefined || !isExactJson(text)) return null;
  delete body!.text;
  body!.json = mark;
  return text;
}

function takeBack(body: Body, text: string): void {
  delete body.json;
  body.text = text;
}

/** The line, without its end. `mark`: some random characters of the caller's, letters and digits. The pair is left as it was. */
export function pairLine(pair: RRPair, mark: string): string {
  const [requestMark, responseMark] = [`${mark}q`, `${mark}r`];
  const request = put(pair.request?.body, requestMark);
  const response = put(pair.response?.body, responseMark);
  let line = JSON.stringify(pair);
  if (request !== null) {
    line = replaced(line, requestMark, request);
    takeBack(pair.request!.body, request);
  }
  if (response !== null) {
    line = replaced(line, responseMark, response);
    takeBack(pair.response!.body, response);
  }
  return line;
}

function replaced(line: string, mark: string, json: string): string {
  const at = line.indexOf(`"${mark}"`);
  return line.slice(0, at) + json + line.slice(at + mark.length + 2);
}
