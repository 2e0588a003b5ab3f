// Protocol layers without I/O: bytes in, messages out.

export * from './batch-builder.ts';
export type { BodyCapture } from './body-collector.ts';
export { BufferPool } from './buffer-pool.ts';
export * from './capture-frames.ts';
export * from './capture-messages.ts';
export * from './captured-messages-pair.ts';
export * from './captured-pair.ts';
export * from './client-hello.ts';
export * from './detect.ts';
export {
  type HeaderPair,
  type ParsedHead,
  type ParsedRequestHead,
  type ParsedResponseHead,
  parseHead,
  parseTrailers,
} from './http-head.ts';
export * from './http1-exchange.ts';
export * from './http1-framer.ts';
export type { Http1Framing, Http1Head, Http1OpaqueReason } from './http1-framing.ts';
export * from './http2-exchange.ts';
export * from './http2-head.ts';
export { asIpv6, ipBytes, ipText } from './ip-bytes.ts';
export * from './known-pair-encoding.ts';
export {
  type EncodablePair,
  encodablePair,
  HttpPairEncoder,
  type PairFacts,
  type WriteId,
} from './pair-encoding.ts';
export * from './proxy-protocol.ts';
export { Slabs } from './slabs.ts';
export { encodeTag } from './tag-encoding.ts';
export * from './websocket-exchange.ts';
export type { WebSocketOpaqueReason } from './websocket-framer.ts';
