// The signing key of the installation at work: what goes to an agent as an order is signed with it. `cloud init` made it;
// only this file reads its private half.
import type { Envelope, Signed, SigningKey } from '@echoplane/api';
import { OperatingError, type SigningKeyPair, signEnvelope, signingKeyOf } from '@echoplane/runtime';
import type pg from 'pg';

export class Signer {
  readonly #pool: pg.Pool;
  #key: Promise<SigningKeyPair> | null = null;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async publicKey(): Promise<SigningKey> {
    const { id, publicKey } = await this.#load();
    return { id, publicKey };
  }

  async sign(words: Signed): Promise<Envelope> {
    return signEnvelope(await this.#load(), words);
  }

  /** A record of what was done, for whoever must prove it; no agent takes it for an order, which has other words. */
  async signRecord(words: { record: string } & Record<string, unknown>): Promise<Envelope> {
    return signEnvelope(await this.#load(), words);
  }

  /** Once: the key of an installation does not change while a replica runs. */
  #load(): Promise<SigningKeyPair> {
    this.#key ??= readKey(this.#pool).catch((err) => {
      this.#key = null;
      throw err;
    });
    return this.#key;
  }
}

async function readKey(pool: pg.Pool): Promise<SigningKeyPair> {
  const { rows } = await pool.query<{ private_key: string }>('SELECT private_key FROM auth_signing_key()');
  if (!rows[0])
    throw new OperatingError('no_signing_key', 'This installation has no signing key; run "cloud init".');
  return signingKeyOf(rows[0].private_key);
}
