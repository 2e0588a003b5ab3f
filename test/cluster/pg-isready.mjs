#!/usr/local/bin/node
// pg_isready as probes use it: 0 when the server takes connections, 1 when it refuses them, 2 when nobody answers.
import { connect } from 'node:net';

const DEADLINE_MS = 3_000;
const body = Buffer.from('\0\x03\0\0user\0postgres\0\0', 'latin1');
const length = Buffer.alloc(4);
length.writeUInt32BE(body.length + 4);
const socket = connect(Number(process.env.PGPORT ?? 5432), '127.0.0.1');
socket.on('connect', () => socket.write(Buffer.concat([length, body])));
socket.on('data', (answer) => process.exit(answer.toString('latin1', 0, 1) === 'R' ? 0 : 1));
socket.on('error', () => process.exit(2));
socket.setTimeout(DEADLINE_MS, () => process.exit(2));
