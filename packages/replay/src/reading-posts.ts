// Requests that read although their method is POST: what they ask for does not fit into a query. Told by the words of their path,
// as services of any make have them. Pure.

const READING = /(?:^|\/)_?(?:m?search|query|lookup|find)(?:$|[/?:])/i;

/** Whether a POST to a path only reads. */
export function isReadingPost(method: string, target: string): boolean {
  return method === 'POST' && READING.test(target.split('?')[0]!);
}
