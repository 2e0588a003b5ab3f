// The settings of the object store, shared by every program that opens it: a folder, or a bucket of anything that speaks
// S3. Which of the two it is follows from what is given. Credentials are those of AWS's default chain.
import { resolve } from 'node:path';
import { field, folderStore, type ObjectStore } from '@echoplane/runtime';
import type { z } from 'zod';
import type { PresignedPut, PutGrant } from './presigned-put.ts';
import type { BucketConfig } from './s3-client.ts';

export const storeFields = {
  storeDir: field.text().optional().describe('folder that is the object store'),
  s3Bucket: field.text().optional().describe('bucket that is the object store, instead of a folder'),
  s3Prefix: field.text().optional().describe('prefix of every key in the bucket, such as echoplane/'),
  s3Region: field.text().optional().describe('AWS region of the bucket'),
  s3Endpoint: field.url().optional().describe('endpoint of an S3-compatible store, when it is not AWS'),
  s3PathStyle: field
    .flag()
    .default(false)
    .describe('true addresses the bucket by path instead of host name, as MinIO and others want it'),
  s3KmsKeyId: field.text().optional().describe('KMS key for server-side encryption (SSE-KMS)'),
};

export type StoreConfig = z.output<z.ZodObject<typeof storeFields>>;

/** For `superRefine`: a folder or a bucket, not both; with `needed`, one of them. */
export function checkStore(config: StoreConfig, context: z.RefinementCtx, { needed = true } = {}): void {
  const { storeDir, s3Bucket } = config;
  const objection = (path: keyof StoreConfig, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message });
  if (storeDir !== undefined && s3Bucket !== undefined)
    objection('s3Bucket', 'a folder is given too; choose one');
  if (needed && storeDir === undefined && s3Bucket === undefined) objection('storeDir', 'missing');
}

/**
 * The store of these settings; null when they name none. With `probe` (the default), throws OperatingError when a bucket
 * cannot be used; a folder is always tried. S3's library is loaded only when it is used.
 */
export async function openStore(config: StoreConfig, { probe = true } = {}): Promise<ObjectStore | null> {
  if (config.storeDir !== undefined) return folderStore(resolve(config.storeDir));
  if (!hasBucket(config)) return null;
  const { s3Store } = await import('./s3-store.ts');
  return s3Store(config, { probe });
}

/** Signs a PUT of one object into the bucket. */
export type Presigner = (grant: PutGrant) => Promise<PresignedPut>;

/** Signs with this process's credentials for the bucket of these settings; null when the store is not a bucket. */
export function presigner(config: StoreConfig): Presigner | null {
  if (config.storeDir !== undefined || !hasBucket(config)) return null;
  return async (grant) => (await import('./presigned-put.ts')).presignedPut(config, grant);
}

function hasBucket(config: StoreConfig): config is BucketConfig {
  return config.s3Bucket !== undefined;
}
