// The client of a bucket from the store's settings, and what its refusals mean. Anything that speaks S3 will do: with an
// endpoint of its own, only what every such store knows is sent. Credentials come from AWS's default chain.
import { S3Client } from '@aws-sdk/client-s3';
import { ObjectMissing, OperatingError } from '@echoplane/runtime';
import type { StoreConfig } from './store-config.ts';

export type BucketConfig = StoreConfig & { s3Bucket: string };

const CONNECT_TIMEOUT_MS = 5_000;
/** Silence on a connection, and the whole of one request: a part of 8 MiB over a slow line. */
const IDLE_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 120_000;
const ATTEMPTS = 5;
/** What a custom endpoint signs with when no region is named; stores that are not AWS take any. */
const REGION_OF_OTHERS = 'us-east-1';

const NO_CHECKSUMS = {
  requestChecksumCalculation: 'WHEN_REQUIRED',
  responseChecksumValidation: 'WHEN_REQUIRED',
} as const;

/** A client for this bucket's endpoint; nothing is asked of it yet. `checksums` are AWS's own, and only for AWS. */
export function bucketClient(config: BucketConfig, { checksums = true } = {}): S3Client {
  const { s3Endpoint, s3Region, s3PathStyle } = config;
  const region = s3Region ?? (s3Endpoint === undefined ? undefined : REGION_OF_OTHERS);
  return new S3Client({
    ...(region === undefined ? {} : { region }),
    ...(s3Endpoint === undefined ? {} : { endpoint: s3Endpoint }),
    // Other stores refuse CRC trailers or, worse, keep them as data.
    ...(checksums && s3Endpoint === undefined ? {} : NO_CHECKSUMS),
    forcePathStyle: s3PathStyle,
    maxAttempts: ATTEMPTS,
    requestHandler: {
      ...{ connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: IDLE_TIMEOUT_MS },
      ...{ requestTimeout: REQUEST_TIMEOUT_MS, throwOnRequestTimeout: true },
    },
  });
}

/** The headers, as parameters, that make the bucket encrypt an object with the customer's key. */
export function encryptionOf({ s3KmsKeyId }: BucketConfig) {
  return s3KmsKeyId === undefined
    ? {}
    : { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: s3KmsKeyId };
}

interface ServiceError {
  name?: string;
  code?: string;
  $metadata?: { httpStatusCode?: number };
}

const DENIED = new Set([
  ...['AccessDenied', 'Forbidden', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'ExpiredToken'],
  'InvalidToken',
]);
const UNREACHABLE = new Set([
  ...[
    'ECONNREFUSED',
    'ECONNRESET',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EPIPE',
    'ETIMEDOUT',
  ],
  'TimeoutError',
]);
const RIGHTS =
  's3:ListBucket, s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload (and, where it keeps versions, s3:ListBucketVersions and s3:DeleteObjectVersion)';

/** What a failure of a request means, as a sentence where there is one; `key` is the object it was about. */
export function meaningOf(err: unknown, config: BucketConfig, key?: string): unknown {
  const { name = '', code = '', $metadata } = err as ServiceError;
  const { s3Bucket: bucket, s3Endpoint, s3Region } = config;
  const where = s3Endpoint ?? `S3 in ${s3Region ?? 'the region of the environment'}`;
  const say = (problem: string, sentence: string) => new OperatingError(problem, sentence, { cause: err });
  if (key !== undefined && (name === 'NoSuchKey' || name === 'NotFound')) return new ObjectMissing(key, err);
  if (name === 'NoSuchBucket' || name === 'NotFound') {
    return say('store_bucket_missing', `There is no bucket ${bucket} at ${where}; make it or name another.`);
  }
  if (name === 'CredentialsProviderError') {
    return say(
      'store_credentials_missing',
      `There are no credentials for the bucket ${bucket}; give this process AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role.`,
    );
  }
  if (DENIED.has(name) || $metadata?.httpStatusCode === 403 || $metadata?.httpStatusCode === 401) {
    return say(
      'store_access_denied',
      `The bucket ${bucket} at ${where} refuses these credentials; give them ${RIGHTS} on it, and its KMS key if it has one.`,
    );
  }
  if (UNREACHABLE.has(code) || UNREACHABLE.has(name)) {
    return say(
      'store_unreachable',
      `The object store at ${where} does not answer; check its address and the network to it.`,
    );
  }
  return err;
}
