// The sink that the settings name.
import type { ApiClient } from '@echoplane/api';
import { type Clock, type Logger, type ObjectStore, OperatingError } from '@echoplane/runtime';
import type { ForwarderConfig } from '../config.ts';
import { presignedSink } from './presigned-sink.ts';
import type { SegmentSink } from './segment-sink.ts';
import { storeSink } from './store-sink.ts';
import { uploadSink } from './upload-sink.ts';

export interface SinkServices {
  client: ApiClient;
  /** Null when the settings name none; then segments must not be shipped there. */
  store: ObjectStore | null;
  clock: Clock;
  log: Logger;
}

type SinkConfig = Pick<ForwarderConfig, 'ship' | 'firehoseStream' | 'firehoseRegion' | 'firehoseEndpoint'>;

/** The way out by these settings. AWS's library is loaded only where it is used. */
export async function createSink(config: SinkConfig, services: SinkServices): Promise<SegmentSink> {
  const { client, store, clock, log } = services;
  switch (config.ship) {
    case 'store':
      if (store) return storeSink(store);
      throw new OperatingError('no_store', 'Name a store: ECHOPLANE_STORE_DIR or ECHOPLANE_S3_BUCKET.');
    case 'presigned':
      return presignedSink(client);
    case 'upload':
      return uploadSink(client);
    case 'firehose': {
      const { firehoseSink } = await import('./firehose-sink.ts');
      const { firehoseStream, firehoseRegion: region, firehoseEndpoint: endpoint } = config;
      return firehoseSink({ stream: firehoseStream!, region, endpoint, clock, log });
    }
  }
}
