// What a Node process really holds: its heap and buffers after a full collection, asked for through its inspector. The
// process is started with `INSPECTED` in its environment.
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { type Program, until } from '../program-stage.ts';

export const INSPECTED = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

interface Answer {
  id: number;
  result: { result?: { value: number } };
}

/** Bytes of heap and of buffers outside it, after a collection. */
export async function heldAfterCollection({ child, stderr }: Program): Promise<number> {
  await until(() => child.exitCode !== null || /ws:\S+/.test(stderr()));
  const socket = new WebSocket(/ws:\S+/.exec(stderr())![0]);
  await once(socket, 'open');
  const ask = async (id: number, method: string, params = {}): Promise<Answer> => {
    socket.send(JSON.stringify({ id, method, params }));
    for (;;) {
      const [data] = (await once(socket, 'message')) as [Buffer];
      const answer = JSON.parse(String(data)) as Answer;
      if (answer.id === id) return answer;
    }
  };
  for (let id = 1; id <= 3; id++) await ask(id, 'HeapProfiler.collectGarbage');
  const expression = '(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())';
  const { result } = await ask(4, 'Runtime.evaluate', { expression });
  socket.close();
  await once(socket, 'close');
  return result.result!.value;
}
