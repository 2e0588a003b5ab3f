// Segments through the control plane, which puts them into its own store: for data planes that reach nothing else.
import type { ApiClient, BodyStream } from '@echoplane/api';
import { OperatingError } from '@echoplane/runtime';
import { type SegmentSink, whole } from './segment-sink.ts';
import { UPLOAD_TIMEOUT_MS, withSegmentStream } from './segment-stream.ts';

export function uploadSink(client: ApiClient): SegmentSink {
  return {
    via: 'store',
    async ship(segment, signal) {
      const { manifest, sizeBytes } = segment;
      const limited = AbortSignal.any([signal, AbortSignal.timeout(UPLOAD_TIMEOUT_MS)]);
      const input = { params: { id: manifest.segment }, query: { openedAt: manifest.openedAt } };
      const stored = await withSegmentStream(segment, (bytes) => {
        const stream = { bytes: bytes as BodyStream['bytes'], sizeBytes };
        return client.call('uploadSegment', { ...input, stream }, limited);
      });
      if (stored.key !== manifest.key || stored.sizeBytes !== sizeBytes) {
        const sentence = `The control plane stored ${stored.sizeBytes} bytes as ${stored.key} instead of ${sizeBytes} as ${manifest.key}; check that it and this forwarder are of one version.`;
        throw new OperatingError('upload_differs', sentence);
      }
      return whole(segment);
    },
  };
}
