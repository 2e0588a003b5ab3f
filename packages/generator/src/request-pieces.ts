// The pieces in which a request body leaves when it was recorded in several: each some time after what had happened before it,
// and, in a gRPC call, after as many messages of the server as had come before it, so that both speak in turn again. Pure.
import { type Body, bodyBytes, grpcFrames, grpcStreamMessages, type Test } from '@echoplane/traffic';

export interface Piece {
  bytes: Buffer;
  /** Messages of the server that come first. */
  heard: number;
  /** µs, in the recording, from what was before it: a piece, a message of the server, the beginning. */
  afterUs: number;
}

/** `body`: as it is sent, perhaps with other values than were recorded. One piece when it came at once, or its parts are not known. */
export function piecesOf({ protocol, request, response }: Test, body: Buffer): Piece[] {
  const whole = [{ bytes: body, heard: 0, afterUs: 0 }];
  if ((request.body.chunks?.length ?? 0) < 2) return whole;
  const pieces = protocol === 'grpc' ? inTurn(request.body, response.body, body) : inTime(request.body, body);
  return pieces ?? whole;
}

/** Each message for itself; null when there are not as many as were recorded. */
function inTurn(recorded: Body, answered: Body, body: Buffer): Piece[] | null {
  const { frames, rest } = grpcFrames(body);
  if (rest.length > 0 || frames.length !== grpcFrames(bodyBytes(recorded)).frames.length) return null;
  const pieces: Piece[] = [];
  let [heard, beforeUs] = [0, 0];
  for (const { from, offsetUs } of grpcStreamMessages(recorded, answered)) {
    if (from === 'server') heard++;
    else pieces.push({ bytes: frames[pieces.length]!, heard, afterUs: offsetUs - beforeUs });
    beforeUs = offsetUs;
  }
  return pieces;
}

/** As they were written; null when there are other bytes now. */
function inTime({ chunks = [] }: Body, body: Buffer): Piece[] | null {
  if (chunks.reduce((sum, [size]) => sum + size, 0) !== body.length) return null;
  let [from, beforeUs] = [0, chunks[0]![1]];
  return chunks.map(([size, atUs]) => {
    const piece = { bytes: body.subarray(from, from + size), heard: 0, afterUs: atUs - beforeUs };
    from += size;
    beforeUs = atUs;
    return piece;
  });
}
