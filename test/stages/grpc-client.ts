// A program that makes a gRPC call of each kind over TLS and prints what they came to, as JSON.
// `node grpc-client.ts TARGET NAME ROOTS`: the address, the name in its certificate, the file of roots to trust.
import { readFileSync } from 'node:fs';
import { Client, credentials } from '@grpc/grpc-js';
import { callAll } from './grpc-calls.ts';

const [target = '', name = '', roots = ''] = process.argv.slice(2);
const client = new Client(target, credentials.createSsl(readFileSync(roots)), {
  'grpc.ssl_target_name_override': name,
  'grpc.default_authority': name,
});
console.log(JSON.stringify(await callAll(client)));
client.close();
