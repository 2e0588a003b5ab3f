// Basic credentials of a client that was registered during the recording: the service made up both, an id and a secret, and
// the client sends them glued together behind base64 (RFC 7617). Services with a scheme or a header of
// their own do the same. Pure.
import { type Leaf, withInnerLeaves } from '@echoplane/replay';

const NAMED = /^header\.(?:authorization|x-(?:[\w-]+-)?auth)$/;
const GLUED = /^(?:[A-Za-z][A-Za-z-]* )?[\w+/=-]+$/;

/** The leaves of a request, with the name and the password behind its credentials. */
export function withBasic(leaves: readonly Leaf[]): readonly Leaf[] {
  const held = leaves.find(
    ({ path, value }) => NAMED.test(path) && typeof value === 'string' && GLUED.test(value),
  );
  return held ? [...leaves, ...withInnerLeaves([held]).filter(({ inner }) => inner)] : leaves;
}
