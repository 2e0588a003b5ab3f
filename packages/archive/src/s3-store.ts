// The object store in a bucket. An object is whole or absent because S3 shows a PUT or a completed multipart upload at
// once or never; what fails half way is aborted. Memory is bounded by parts, not by objects: two are in flight and one is
// being gathered for a PUT, one range is held for a read.

import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { checkObjectKey, type ListPage, type ObjectData, type ObjectStore } from '@echoplane/runtime';
import { type BucketConfig, bucketClient, encryptionOf, meaningOf } from './s3-client.ts';

/** Of a multipart upload, and of each range that a stream is read in. S3's least is 5 MiB. */
export const PART_BYTES = 8 << 20;
const PARTS_IN_FLIGHT = 2;
const KEYS_PER_PAGE = 1_000;
const READ_ATTEMPTS = 4;

/**
 * A store in a bucket. With `probe` (the default), throws OperatingError when the bucket is missing, refuses the
 * credentials, or does not answer.
 */
export async function s3Store(config: BucketConfig, { probe = true } = {}): Promise<ObjectStore> {
  const bucket = new Bucket(config);
  if (probe) await bucket.probe();
  return bucket;
}

class Bucket implements ObjectStore {
  readonly #config: BucketConfig;
  readonly #client: S3Client;
  readonly #prefix: string;

  constructor(config: BucketConfig) {
    this.#config = config;
    this.#client = bucketClient(config);
    this.#prefix = config.s3Prefix ?? '';
  }

  async probe(): Promise<void> {
    await this.#said(this.#client.send(new HeadBucketCommand({ Bucket: this.#config.s3Bucket })));
  }

  async put(key: string, data: ObjectData, signal?: AbortSignal): Promise<{ sizeBytes: number }> {
    const params = {
      ...this.#at(key),
      ...encryptionOf(this.#config),
      ContentType: 'application/octet-stream',
    };
    signal?.throwIfAborted();
    if (data instanceof Uint8Array && data.length <= PART_BYTES) {
      const options = signal ? { abortSignal: signal } : {};
      await this.#said(this.#client.send(new PutObjectCommand({ ...params, Body: data }), options), key);
      return { sizeBytes: data.length };
    }
    let sizeBytes = 0;
    const counted = async function* () {
      for await (const chunk of data instanceof Uint8Array ? [data] : data) {
        sizeBytes += chunk.length;
        yield chunk;
      }
    };
    const upload = new Upload({
      ...{ client: this.#client, params: { ...params, Body: Readable.from(counted()) } },
      ...{ partSize: PART_BYTES, queueSize: PARTS_IN_FLIGHT },
    });
    const abort = () => void upload.abort();
    signal?.addEventListener('abort', abort);
    try {
      await this.#said(upload.done(), key);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    return { sizeBytes };
  }

  async read(key: string, offset: number, length: number): Promise<Buffer> {
    if (length > 0) return this.#range(key, { offset, length });
    await this.#head(key);
    return Buffer.alloc(0);
  }

  async stream(key: string): Promise<Readable> {
    const { sizeBytes, etag } = await this.#head(key);
    const range = (offset: number) =>
      this.#range(key, { offset, length: Math.min(PART_BYTES, sizeBytes - offset), etag });
    const ranges = async function* () {
      for (let at = 0; at < sizeBytes; at += PART_BYTES) yield await range(at);
    };
    return Readable.from(ranges(), { objectMode: false });
  }

  async size(key: string): Promise<number> {
    return (await this.#head(key)).sizeBytes;
  }

  async list(prefix: string, { after, limit = Number.POSITIVE_INFINITY }: ListPage = {}): Promise<string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const page = new ListObjectsV2Command({
        ...{ Bucket: this.#config.s3Bucket, Prefix: this.#prefix + prefix },
        MaxKeys: Math.min(KEYS_PER_PAGE, limit - keys.length),
        ...(after === undefined ? {} : { StartAfter: this.#prefix + after }),
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      const found = await this.#said(this.#client.send(page));
      for (const { Key } of found.Contents ?? []) if (Key) keys.push(Key.slice(this.#prefix.length));
      token = found.IsTruncated ? found.NextContinuationToken : undefined;
    } while (token !== undefined && keys.length < limit);
    return keys.sort();
  }

  async remove(key: string): Promise<void> {
    const gone = await this.#said(this.#client.send(new DeleteObjectCommand(this.#at(key))), key);
    if (gone.DeleteMarker || gone.VersionId !== undefined) await this.#forgetVersions(key);
  }

  /** In a bucket that keeps versions nothing is gone until each of them is; those of one key come first under it. */
  async #forgetVersions(key: string): Promise<void> {
    const { Bucket, Key } = this.#at(key);
    for (;;) {
      const page = new ListObjectVersionsCommand({ Bucket, Prefix: Key, MaxKeys: KEYS_PER_PAGE });
      const found = await this.#said(this.#client.send(page));
      const versions = [...(found.Versions ?? []), ...(found.DeleteMarkers ?? [])];
      const ours = versions.filter((version) => version.Key === Key);
      if (ours.length === 0) return;
      for (const { VersionId } of ours)
        await this.#said(this.#client.send(new DeleteObjectCommand({ Bucket, Key, VersionId })), key);
    }
  }

  #at(key: string): { Bucket: string; Key: string } {
    checkObjectKey(key);
    return { Bucket: this.#config.s3Bucket, Key: this.#prefix + key };
  }

  async #head(key: string): Promise<{ sizeBytes: number; etag: string | undefined }> {
    const head = await this.#said(this.#client.send(new HeadObjectCommand(this.#at(key))), key);
    return { sizeBytes: head.ContentLength ?? 0, etag: head.ETag };
  }

  /** A range of the object, shorter at its end; with `etag`, of the object as it was when it had this tag. */
  async #range(
    key: string,
    range: { offset: number; length: number; etag?: string | undefined },
  ): Promise<Buffer> {
    const { offset, length, etag } = range;
    const command = new GetObjectCommand({
      ...{ ...this.#at(key), Range: `bytes=${offset}-${offset + length - 1}` },
      ...(etag === undefined ? {} : { IfMatch: etag }),
    });
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.#client.send(command);
        const bytes = await answer.Body!.transformToByteArray();
        if (bytes.length !== answer.ContentLength) throw new Error(`the answer for ${key} broke off`);
        return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      } catch (err) {
        if ((err as Error).name === 'InvalidRange') return Buffer.alloc(0);
        // The client repeated what failed before the body; only a body that broke off is left to be asked for again.
        if (attempt === READ_ATTEMPTS || '$metadata' in (err as object))
          throw meaningOf(err, this.#config, key);
      }
    }
  }

  async #said<T>(answer: Promise<T>, key?: string): Promise<T> {
    return answer.catch((err) => {
      throw meaningOf(err, this.#config, key);
    });
  }
}
