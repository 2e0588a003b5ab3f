// The file with the redaction key: the customer's, 32 bytes in base64, the same for the forwarders that make tokens and
// for the responder that must make them again. It must not know what is redacted; the key is never logged or shown.
import { readFile, stat } from 'node:fs/promises';
import { OperatingError } from './lifecycle.ts';

const KEY_BYTES = 32;
const READABLE_BY_OTHERS = 0o007;

/** Reads the key. Throws OperatingError when the file is not there, open to everybody, or holds something else. */
export async function readRedactionKey(path: string): Promise<Uint8Array> {
  return parseRedactionKey(await readText(path), path);
}

/** The key in a file's text; `path` is for the error. */
export function parseRedactionKey(text: string, path: string): Uint8Array {
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length === KEY_BYTES && /^[A-Za-z0-9+/_-]{43}=?$/.test(text.trim())) return key;
  const sentence = `${path} holds no redaction key: 32 random bytes in base64 are wanted (head -c 32 /dev/urandom | base64).`;
  throw new OperatingError('redaction_key_bad', sentence);
}

async function readText(path: string): Promise<string> {
  try {
    const { mode } = await stat(path);
    if ((mode & READABLE_BY_OTHERS) !== 0) {
      const sentence = `${path} holds the redaction key and can be read by anybody; take the rights of others away (chmod o= ${path}).`;
      throw new OperatingError('redaction_key_open', sentence);
    }
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof OperatingError) throw cause;
    const sentence = `${path} cannot be read; ECHOPLANE_REDACTION_KEY_FILE wants a file with 32 random bytes in base64 (head -c 32 /dev/urandom | base64).`;
    throw new OperatingError('redaction_key_missing', sentence, { cause });
  }
}
