// Takes a capture stream as a forwarder does, acknowledges it, and keeps nothing. Says its port, and on each line of stdin how
// many pairs came.
import { type AddressInfo, createServer } from 'node:net';
import { CaptureFrameDecoder, encodeCaptureFrame } from '@echoplane/wire';

const WINDOW_BYTES = 8 << 20;
let pairs = 0;

const server = createServer((socket) => {
  const decoder = new CaptureFrameDecoder({ preface: true });
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    for (const message of decoder.feed(chunk)) {
      if (message.type === 'hello')
        socket.write(
          encodeCaptureFrame({ type: 'welcome', value: { lastBatch: 0, windowBytes: WINDOW_BYTES } }),
        );
      if (message.type !== 'batch') continue;
      pairs += message.value.pairs.length;
      socket.write(encodeCaptureFrame({ type: 'ack', value: { batch: message.value.seq } }));
    }
  });
}).listen(0, '127.0.0.1', () =>
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })),
);
process.stdin.on('data', () => console.log(JSON.stringify({ pairs })));
