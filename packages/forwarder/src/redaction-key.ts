// The redaction key: the customer's, 32 bytes, in a file of the cluster. Whoever holds it can tell which token stands for
// a value that he already knows; nobody can turn a token back. It is never sent, logged or shown.
import { createHmac, randomBytes } from 'node:crypto';
import { type Logger, parseRedactionKey, readRedactionKey } from '@echoplane/runtime';
import { readIfPresent, replaceFile, type SpoolFiles } from './spool/spool-files.ts';

export const KEY_FILE = 'redaction.key';
/** Tells one key from another, and nothing else about it. */
const MARK_FILE = 'redaction-key.mark';
const KEY_BYTES = 32;

/**
 * The key of the file that was given; without one, that of the spool folder, made when it is not there. Says so when it is
 * another one than in the life before.
 */
export async function loadRedactionKey(
  file: string | undefined,
  files: SpoolFiles,
  log: Logger,
): Promise<Uint8Array> {
  const key = await findKey(file, files, log);
  const mark = createHmac('sha256', key).update('mark').digest('hex').slice(0, 16);
  const before = await readIfPresent(files, MARK_FILE);
  if (before === mark) return key;
  if (before !== null) {
    log.warn(
      { file: file ?? KEY_FILE },
      'the redaction key is another one than before: from now on the same values get other tokens, so sessions do not go on and an erasure finds only what was recorded under the key it is run with',
    );
  }
  await replaceFile(files, MARK_FILE, mark);
  return key;
}

async function findKey(file: string | undefined, files: SpoolFiles, log: Logger): Promise<Uint8Array> {
  if (file !== undefined) return readRedactionKey(file);
  const known = await readIfPresent(files, KEY_FILE);
  if (known !== null) return parseRedactionKey(known, `${files.dir}/${KEY_FILE}`);
  const key = randomBytes(KEY_BYTES);
  await replaceFile(files, KEY_FILE, `${key.toString('base64')}\n`);
  log.info(
    { file: KEY_FILE },
    'a redaction key was made in the spool folder; give it to every forwarder of this organisation',
  );
  return key;
}
