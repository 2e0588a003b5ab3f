// Where a connection out goes: to the responder when its destination is mocked, else on its own way. What is mocked is
// never dialled, so in a replay an address that a name could make a mocked one is not dialled before the client has
// said the name.
//
//   mocked by what is known ─────────────▶ mocked tunnel
//   perhaps, by a name ─▶ first words ─▶ yes ┘      no ─▶ tunnel, or cut when all that is not mocked is
import { plainHost } from './destination-rules.ts';
import { nameAsked, readFirstWords } from './first-words.ts';
import { openMocked } from './mocked-tunnel.ts';
import type { OutboundOptions } from './outbound-options.ts';
import { reset } from './splice.ts';
import { type Asked, openTunnel } from './tunnel.ts';

/** Makes a connection that was asked for. */
export async function routeOutbound(asked: Asked, options: OutboundOptions): Promise<void> {
  const { replay, names } = options;
  if (!replay) return openTunnel(asked, options);
  const { client, target, named, early } = asked;
  const known = names.nameFor(target.host, named);
  if (replay.covers(target, named, known))
    return openMocked({ ...asked, named: known || named }, null, options);
  const elsewhere = replay.cuts(target) ? cut : openTunnel;
  if (!replay.mayCover(target)) return elsewhere(asked, options);

  client.accepted.isQuiet = () => false;
  asked.greeting?.connected(null);
  const words = await readFirstWords(client.socket, early, nameAsked);
  const said = plainHost(words.named);
  const next = { ...asked, named: said, greeting: null };
  if (replay.covers(target, said)) return openMocked(next, words, options);
  return elsewhere({ ...next, early: words.bytes }, options);
}

/** As a destination that refuses. */
async function cut({ client, target, greeting }: Asked, { metrics }: OutboundOptions): Promise<void> {
  metrics.count('connect_failures', 'OUT');
  const refusal = Object.assign(new Error('cut: it is not mocked in this replay'), { code: 'ECONNREFUSED' });
  if (greeting) greeting.failed(refusal, target);
  else reset(client.socket);
}
