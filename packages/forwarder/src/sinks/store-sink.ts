// Segments into an object store with our own credentials. An object that is there already is replaced by the same bytes.
import { createReadStream } from 'node:fs';
import type { ObjectStore } from '@echoplane/runtime';
import { type SegmentSink, whole } from './segment-sink.ts';

export function storeSink(store: ObjectStore): SegmentSink {
  return {
    via: 'store',
    async ship(segment, signal) {
      const file = createReadStream(segment.path);
      try {
        await store.put(segment.manifest.key, file, signal);
      } finally {
        file.destroy();
      }
      return whole(segment);
    },
  };
}
