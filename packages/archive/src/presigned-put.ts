// A URL that lets its holder put one object of one size into the bucket, and nothing else: how a data plane without
// credentials of its own ships. The signature covers the length and the encryption, so neither can be left out.
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { checkObjectKey } from '@echoplane/runtime';
import { type BucketConfig, bucketClient, encryptionOf } from './s3-client.ts';

export interface PresignedPut {
  url: string;
  /** To be sent with the PUT exactly as given. */
  headers: Record<string, string>;
}

export interface PutGrant {
  key: string;
  sizeBytes: number;
  expiresS: number;
}

/** Signs the PUT with this process's credentials; nothing is asked of the bucket. */
export async function presignedPut(config: BucketConfig, grant: PutGrant): Promise<PresignedPut> {
  checkObjectKey(grant.key);
  const encryption: Record<string, string> =
    config.s3KmsKeyId === undefined
      ? {}
      : {
          'x-amz-server-side-encryption': 'aws:kms',
          'x-amz-server-side-encryption-aws-kms-key-id': config.s3KmsKeyId,
        };
  const command = new PutObjectCommand({
    ...{ Bucket: config.s3Bucket, Key: (config.s3Prefix ?? '') + grant.key, ContentLength: grant.sizeBytes },
    ...encryptionOf(config),
  });
  const client = bucketClient(config, { checksums: false });
  // As headers: in the address S3 would not look at them.
  const unhoistableHeaders = new Set(Object.keys(encryption));
  const url = await getSignedUrl(client, command, { expiresIn: grant.expiresS, unhoistableHeaders });
  client.destroy();
  return { url, headers: { 'content-length': String(grant.sizeBytes), ...encryption } };
}
