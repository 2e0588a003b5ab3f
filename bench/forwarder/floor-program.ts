// The floor: what the same bytes cost at the least. Reads a capture stream, decodes it, parses every JSON body, compresses
// with zstd level 3 and writes; nothing else. `node floor-program.ts FILE` listens, says its port, and ends with its input.
import { once } from 'node:events';
import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { constants, zstdCompressSync } from 'node:zlib';
import { CaptureFrameDecoder, encodeCaptureFrame } from '@echoplane/wire';

const FRAME_BYTES = 256 << 10;
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };
const file = openSync(process.argv[2]!, 'w');
let pairs = 0;
let gathered: Uint8Array[] = [];
let gatheredBytes = 0;

function gather(bytes: Uint8Array): void {
  gathered.push(bytes);
  gatheredBytes += bytes.length;
  if (gatheredBytes < FRAME_BYTES) return;
  writeSync(file, zstdCompressSync(Buffer.concat(gathered), ZSTD));
  gathered = [];
  gatheredBytes = 0;
}

const server = createServer((socket) => {
  const decoder = new CaptureFrameDecoder({ preface: true, unchecked: true });
  socket.on('data', (chunk) => {
    for (const message of decoder.feed(chunk)) {
      if (message.type === 'hello')
        socket.write(
          encodeCaptureFrame({
            type: 'welcome',
            value: { lastBatch: 0, windowBytes: 8 << 20, unchecked: true },
          }),
        );
      if (message.type !== 'batch') continue;
      for (const pair of message.value.pairs) {
        for (const half of [pair.request, pair.response]) {
          if (!half) continue;
          JSON.parse(Buffer.from(half.body).toString('utf8'));
          gather(half.head);
          gather(half.body);
        }
        pairs++;
      }
      socket.write(encodeCaptureFrame({ type: 'ack', value: { batch: message.value.seq } }));
    }
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
console.log(JSON.stringify({ port: (server.address() as { port: number }).port }));
await once(process.stdin.resume(), 'end');
console.log(JSON.stringify({ pairs }));
process.exit(0);
