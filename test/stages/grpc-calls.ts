// A gRPC server, and a client that makes a call of each kind; both are grpc-js.
import { once } from 'node:events';
import {
  Client,
  type ClientReadableStream,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
} from '@grpc/grpc-js';

/** The methods in the order in which `calls` calls them. */
export const GRPC_METHODS = ['Unary', 'Upload', 'Watch', 'Chat', 'Unary'];

const bytes = (value: Buffer) => value;
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  ...{ path: `/shop.Orders/${name}`, requestStream, responseStream },
  ...{
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  },
});
const SERVICE = {
  unary: method('Unary', false, false),
  upload: method('Upload', true, false),
  watch: method('Watch', false, true),
  chat: method('Chat', true, true),
};

const unary: handleUnaryCall<Buffer, Buffer> = ({ request }, done) => {
  if (request.toString() === 'fail') done({ code: status.NOT_FOUND, details: 'no such order' });
  else done(null, Buffer.from(`re: ${request}`));
};
const upload: handleClientStreamingCall<Buffer, Buffer> = (call, done) => {
  let size = 0;
  call.on('data', (message: Buffer) => {
    size += message.length;
  });
  call.on('end', () => done(null, Buffer.from(String(size))));
};
const watch: handleServerStreamingCall<Buffer, Buffer> = (call) => {
  for (let n = 0; n < 3; n++) call.write(Buffer.from(String(n)));
  call.end();
};
const chat: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
  call.on('data', (message: Buffer) => call.write(Buffer.from(`re: ${message}`)));
  call.on('end', () => call.end());
};

export interface GrpcStage {
  port: number;
  /** What the calls through `port` came to. */
  calls(port: number): Promise<string[]>;
  close(): Promise<void>;
}

/** Serves the methods at an address such as `127.0.0.1:0`; resolves with the port taken. */
export async function serveGrpc(
  address: string,
  credentials: ServerCredentials,
): Promise<{ server: Server; port: number }> {
  const server = new Server();
  server.addService(SERVICE, { unary, upload, watch, chat });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(address, credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  return { server, port };
}

export async function startGrpc(): Promise<GrpcStage> {
  const { server, port } = await serveGrpc('127.0.0.1:0', ServerCredentials.createInsecure());
  let client: Client | null = null;
  return {
    port,
    calls(through) {
      client = new Client(`127.0.0.1:${through}`, credentials.createInsecure());
      return callAll(client);
    },
    async close() {
      client?.close();
      server.forceShutdown();
    },
  };
}

/** Makes a call of each kind, in the order of `GRPC_METHODS`; what they came to. */
export async function callAll(client: Client): Promise<string[]> {
  const ask = (text: string) =>
    new Promise<string>((resolve) =>
      client.makeUnaryRequest('/shop.Orders/Unary', bytes, bytes, Buffer.from(text), (error, value) =>
        resolve(error ? `${status[error.code]} ${error.details}` : String(value)),
      ),
    );
  const upload = () =>
    new Promise<string>((resolve) => {
      const answered = (error: ServiceError | null, value?: Buffer) => resolve(String(error ?? value));
      const call = client.makeClientStreamRequest('/shop.Orders/Upload', bytes, bytes, answered);
      for (const text of ['abc', 'def']) call.write(Buffer.from(text));
      call.end();
    });
  const results = [await ask('a'), await upload()];
  results.push(
    await messagesOf(client.makeServerStreamRequest('/shop.Orders/Watch', bytes, bytes, Buffer.alloc(0))),
  );
  const talk = client.makeBidiStreamRequest('/shop.Orders/Chat', bytes, bytes);
  for (const text of ['x', 'y']) talk.write(Buffer.from(text));
  talk.end();
  results.push(await messagesOf(talk), await ask('fail'));
  return results;
}

async function messagesOf(call: ClientReadableStream<Buffer>): Promise<string> {
  const messages: string[] = [];
  call.on('data', (message: Buffer) => messages.push(message.toString()));
  await once(call, 'end');
  return messages.join(' ');
}
