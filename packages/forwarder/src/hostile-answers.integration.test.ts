// A control plane, or what stands in its place, that means no good: what the forwarder does not do for it.
import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import type { ApiClient } from '@echoplane/api';
import { listen, Secret } from '@echoplane/runtime';
import type { SegmentManifest } from '@echoplane/traffic';
import { afterEach, describe, expect, test } from 'vitest';
import { agentClient } from './control-plane.ts';
import { Cleanup, temporaryHome } from './forwarder.fixture.ts';
import { presignedSink } from './sinks/presigned-sink.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  const port = await listen(server, 0);
  cleanup.add(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${port}`;
}

test('a redirect is not followed: neither the key nor what was recorded goes to another address', async () => {
  const heard: string[] = [];
  const elsewhere = await serve((request, response) => {
    heard.push(request.url!);
    response.end('{}');
  });
  const cloud = await serve((_, response) => response.writeHead(307, { location: elsewhere }).end());
  const client = agentClient(cloud, new Secret('k'));
  await expect(client.call('ingestReports', { body: { reports: [] } })).rejects.toThrow();
  expect(heard).toEqual([]);
});

describe('a grant', () => {
  const manifest = { segment: '0190a0a0-0000-7000-8000-000000000000', key: 'a/b', openedAt: 1 };

  async function ship(url: string, key = manifest.key) {
    const path = join(await temporaryHome(cleanup), 'segment');
    await writeFile(path, 'bytes');
    const grant = { key, url, headers: {}, expiresAt: 1 };
    const client = { call: async () => grant } as unknown as ApiClient;
    const segment = { path, sizeBytes: 5, manifest: manifest as SegmentManifest };
    return presignedSink(client).ship(segment, AbortSignal.timeout(20_000));
  }

  test('for another key is refused', async () => {
    await expect(ship('http://127.0.0.1:1', 'a/c')).rejects.toThrow(/granted a\/c instead of a\/b/);
  });

  test.each(['data:,x', 'file:///etc/passwd', 'about:blank', 'http://[?X-Amz-Signature=x'])(
    'for %s stores nothing',
    async (url) => {
      await expect(ship(url)).rejects.toThrow(/no http or https address/);
    },
  );

  test('whose store redirects is refused', async () => {
    await expect(
      ship(await serve((_, response) => response.writeHead(307, { location: '/' }).end())),
    ).rejects.toThrow();
  });

  test.each([200, 500])(
    'whose store answers %i with words without end is not listened to',
    async (status) => {
      const store = await serve((request, response) => {
        request.resume();
        response.writeHead(status);
        const more = () => {
          while (!response.destroyed && response.write('x'.repeat(65_536)));
        };
        response.on('drain', more);
        more();
      });
      const shipped = ship(`${store}/?X-Amz-Signature=precious`);
      if (status === 200) expect(await shipped).toMatchObject({ sizeBytes: 5 });
      else {
        const err = await shipped.catch((cause: Error) => cause);
        expect(err).toMatchObject({ message: expect.stringMatching(/answered 500 to a signed PUT/) });
        expect(String((err as Error).message)).not.toContain('precious');
      }
    },
  );
});
