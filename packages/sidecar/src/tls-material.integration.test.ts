// What TLS files should hold and do not is said before anything listens, with the setting and the path.
import { afterEach, describe, expect, test } from 'vitest';
import { closeAll, startTestSidecar } from './sidecar.fixture.ts';
import { pairFiles, theirAuthority, tlsFolder, type WriteFile } from './tls.fixture.ts';

afterEach(closeAll);

const shop = await theirAuthority.issue({ names: ['shop.test'], days: 1 });
const wild = await theirAuthority.issue({ names: ['*.wild.test'], days: 1 });

describe('files that cannot be used stop the start and are named', () => {
  const start = async (env: (file: WriteFile) => Promise<Record<string, string>>) => {
    const file = await tlsFolder();
    const pair = await pairFiles(file, 'shop', shop);
    return startTestSidecar({
      MODE: 'reverse',
      TARGET_PORT: 1,
      TLS_IN_CERT_FILES: pair.cert,
      TLS_IN_KEY_FILES: pair.key,
      ...(await env(file)),
    });
  };

  test.each([
    ['TLS_IN_CERT_FILES', 'not a certificate', /ECHOPLANE_TLS_IN_CERT_FILES: .*odd.pem does not hold a PEM/],
    [
      'TLS_IN_KEY_FILES',
      'not a key',
      /ECHOPLANE_TLS_IN_KEY_FILES: .*odd.pem does not hold a PEM private key/,
    ],
    ['TLS_IN_KEY_FILES', wild.keyPem, /ECHOPLANE_TLS_IN_KEY_FILES: the key in .*odd.pem does not belong/],
    ['TLS_IN_CLIENT_CA_FILES', 'no roots', /ECHOPLANE_TLS_IN_CLIENT_CA_FILES: .*odd.pem does not hold PEM/],
    ['UPSTREAM_CA_FILES', 'no roots', /ECHOPLANE_UPSTREAM_CA_FILES: .*odd.pem does not hold PEM/],
  ])('%s #%$', async (name, text, problem) => {
    await expect(start(async (file) => ({ [name]: await file('odd.pem', text) }))).rejects.toThrow(problem);
  });

  test('a file that is not there', async () => {
    const missing = start(async () => ({ TLS_IN_KEY_FILES: '/nowhere/tls.key' }));
    await expect(missing).rejects.toThrow(
      /ECHOPLANE_TLS_IN_KEY_FILES: .*nowhere.tls.key cannot be read .ENOENT/,
    );
  });
});
