// The credential vault: request credentials that redaction replaced, by their tokens, in a file of the data plane. The
// forwarder writes and cannot read back; only who holds the private key (the generator) opens it. Values of one life of
// the writer share a data key, which is sealed for the reader at the head of what that life writes:
//
//   {"key":SEALED}   then lines   {"token":"rdx_…","box":BASE64(nonce | ciphertext | tag)}   under AES-256-GCM
import { createCipheriv, createDecipheriv, createPrivateKey, type KeyObject, randomBytes } from 'node:crypto';
import { appendFile, chmod, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ensureFolder } from './folder.ts';
import { OperatingError } from './lifecycle.ts';
import { linesOf } from './line-file.ts';
import { newSealingKey, seal, unseal } from './sealed-box.ts';

/** The sealed credentials, in the folder of the vault. */
export const VAULT_FILE = 'vault.jsonl';
/** Private key of the reader; it may be moved to where the generator is, and need not stay with the writer. */
export const VAULT_PRIVATE_KEY = 'vault.key';
const PUBLIC_KEY = 'vault.pub';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Credentials in the file, and its size; then the older half goes. Whoever calls the services that are recorded can fill it. */
const MAX_CREDENTIALS = 100_000;
const MAX_FILE_BYTES = 64 << 20;
/** Longer values are no credentials a generator could send. */
const MAX_VALUE_CHARS = 16_384;
const MAX_PENDING = 5_000;
const MAX_PENDING_CHARS = 4 << 20;

const Line = z.union([z.object({ key: z.string() }), z.object({ token: z.string(), box: z.string() })]);

/** The writing end. */
export class VaultWriter {
  readonly #path: string;
  readonly #publicKey: string;
  readonly #dataKey = randomBytes(32);
  readonly #maxFileBytes: number;
  /** In the order of the file, then of what is noted. */
  readonly #known = new Set<string>();
  #fileBytes = 0;
  #pending = new Map<string, string>();
  #pendingChars = 0;
  #hasHead = false;
  #tail: Promise<void> = Promise.resolve();
  #skipped = 0;

  private constructor(folder: string, publicKey: string, maxFileBytes: number) {
    this.#path = join(folder, VAULT_FILE);
    this.#publicKey = publicKey;
    this.#maxFileBytes = maxFileBytes;
  }

  /**
   * Opens the vault of a folder. It is sealed for the public key of `publicKeyFile`; without one a key pair is made in the
   * folder at the first start. Throws OperatingError when that file holds no such key.
   */
  static async open(
    folder: string,
    maxFileBytes = MAX_FILE_BYTES,
    publicKeyFile?: string | undefined,
  ): Promise<VaultWriter> {
    await ensureFolder(folder);
    const publicKey = publicKeyFile === undefined ? await publicKeyIn(folder) : await givenKey(publicKeyFile);
    const writer = new VaultWriter(folder, publicKey, maxFileBytes);
    await writer.#load();
    return writer;
  }

  /** Credentials that did not fit. */
  get skipped(): number {
    return this.#skipped;
  }
  get size(): number {
    return this.#known.size;
  }

  /** Notes a credential; it is written with the next `flush`. Never throws or waits. */
  put({ token, value }: { token: string; value: string }): void {
    if (this.#known.has(token) || token === value) return;
    const isFull = this.#pending.size >= MAX_PENDING || this.#pendingChars >= MAX_PENDING_CHARS;
    if (value.length > MAX_VALUE_CHARS || isFull) {
      this.#skipped++;
      return;
    }
    this.#known.add(token);
    this.#pending.set(token, value);
    this.#pendingChars += value.length;
  }

  /** Writes what was noted. */
  flush(): Promise<void> {
    const pending = this.#pending;
    if (pending.size === 0) return this.#tail;
    this.#pending = new Map();
    this.#pendingChars = 0;
    const done = this.#tail.then(() => this.#write(pending));
    this.#tail = done.catch(() => {
      for (const token of pending.keys()) this.#known.delete(token);
      this.#skipped += pending.size;
    });
    return done;
  }

  /** Removes the credentials of these tokens, written or only noted; resolves when the file no longer holds them. */
  forget(tokens: readonly string[]): Promise<void> {
    const known = tokens.filter((token) => this.#known.delete(token));
    for (const token of known) this.#pending.delete(token);
    if (known.length === 0) return this.#tail;
    const done = this.#tail.then(() => this.#keepKnown());
    this.#tail = done.catch(() => {
      for (const token of known) this.#known.add(token);
    });
    return done;
  }

  async #write(pending: ReadonlyMap<string, string>): Promise<void> {
    if (this.#known.size > MAX_CREDENTIALS || this.#fileBytes > this.#maxFileBytes)
      await this.#forgetHalf(pending);
    const lines = [...pending].map(([token, value]) => ({ token, box: this.#box(token, value) }));
    const head = this.#hasHead ? [] : [{ key: seal(this.#publicKey, this.#dataKey) }];
    // A life begins on a line of its own, whatever the one before left.
    const start = this.#hasHead ? '' : '\n';
    const text = start + [...head, ...lines].map((line) => `${JSON.stringify(line)}\n`).join('');
    await appendFile(this.#path, text, { mode: 0o600 });
    this.#fileBytes += Buffer.byteLength(text);
    this.#hasHead = true;
  }

  #box(token: string, value: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#dataKey, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(token));
    return Buffer.concat([nonce, cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
      'base64',
    );
  }

  async #load(): Promise<void> {
    for await (const line of linesIn(this.#path)) {
      if ('token' in line) this.#known.add(line.token);
      this.#fileBytes += sizeOf(line);
    }
  }

  /** Keeps the newer half, with the data keys it needs. */
  async #forgetHalf(pending: ReadonlyMap<string, string>): Promise<void> {
    const written = [...this.#known].filter((token) => !pending.has(token) && !this.#pending.has(token));
    for (const token of written.slice(0, Math.ceil(written.length / 2))) this.#known.delete(token);
    await this.#keepKnown();
  }

  /** Writes the file anew, a line at a time. */
  async #keepKnown(): Promise<void> {
    const file = await open(`${this.#path}.part`, 'w', 0o600);
    let fileBytes = 0;
    try {
      let last: string | null = null;
      for await (const line of linesIn(this.#path)) {
        // A data key goes with the last credential it is for; that of this life stays.
        if ('key' in line) {
          last = line.key;
          continue;
        }
        if (!this.#known.has(line.token)) continue;
        const text = `${last === null ? '' : `${JSON.stringify({ key: last })}\n`}${JSON.stringify(line)}\n`;
        last = null;
        await file.appendFile(text);
        fileBytes += Buffer.byteLength(text);
      }
      if (last !== null) await file.appendFile(`${JSON.stringify({ key: last })}\n`);
    } finally {
      await file.close();
    }
    await rename(`${this.#path}.part`, this.#path);
    this.#fileBytes = fileBytes;
  }
}

/** Opens the credentials of a vault with its private key. Throws OperatingError when file and key do not go together. */
export async function openVault(
  folder: string,
  keyFile = join(folder, VAULT_PRIVATE_KEY),
): Promise<ReadonlyMap<string, string>> {
  const privateKey = await readKey(keyFile);
  const values = new Map<string, string>();
  let dataKey: Buffer | null = null;
  for await (const line of linesIn(join(folder, VAULT_FILE))) {
    if ('key' in line) dataKey = unseal(privateKey, line.key);
    else if (dataKey) values.set(line.token, unbox(dataKey, line.token, line.box));
  }
  return values;
}

function unbox(dataKey: Buffer, token: string, box: string): string {
  const bytes = Buffer.from(box, 'base64');
  try {
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', dataKey, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(token)).setAuthTag(bytes.subarray(-TAG_BYTES));
    return (
      decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    );
  } catch (cause) {
    throw new OperatingError(
      'vault_damaged',
      `The credential of ${token} in the vault was changed; remove its line.`,
      { cause },
    );
  }
}

const sizeOf = (line: z.infer<typeof Line>) => JSON.stringify(line).length + 1;

async function* linesIn(path: string): AsyncGenerator<z.infer<typeof Line>> {
  const file = await open(path, 'r').catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return null;
    throw err;
  });
  if (!file) return;
  try {
    for await (const { bytes } of linesOf(file)) {
      const parsed = Line.safeParse(parse(bytes.toString()));
      // The last line may have been cut by a crash.
      if (parsed.success) yield parsed.data;
    }
  } finally {
    await file.close();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function publicKeyIn(folder: string): Promise<string> {
  const path = join(folder, PUBLIC_KEY);
  const known = await readFile(path, 'utf8').catch(() => null);
  if (known !== null) return known.trim();
  const { publicKey, privateKey } = newSealingKey();
  const keyFile = join(folder, VAULT_PRIVATE_KEY);
  await writeFile(keyFile, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
  await chmod(keyFile, 0o600);
  await writeFile(path, `${publicKey}\n`, { mode: 0o600 });
  return publicKey;
}

/** The public key of a file; what cannot seal is told now, not when the first credential is lost. */
async function givenKey(path: string): Promise<string> {
  try {
    const publicKey = (await readFile(path, 'utf8')).trim();
    seal(publicKey, Buffer.alloc(1));
    return publicKey;
  } catch (cause) {
    const sentence = `${path} is not the public key of a vault; it is the vault.pub that belongs to the generator's vault.key.`;
    throw new OperatingError('vault_public_key_missing', sentence, { cause });
  }
}

async function readKey(path: string): Promise<KeyObject> {
  try {
    return createPrivateKey(await readFile(path, 'utf8'));
  } catch (cause) {
    const sentence = `${path} is not the private key of the vault; it is made beside the vault at the forwarder's first start.`;
    throw new OperatingError('vault_key_missing', sentence, { cause });
  }
}
