// A child program: bytes through one TLS connection of this process with itself, as bare as Node.js has it. What streams are compared with.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { connect, createServer } from 'node:tls';
import { clusterCertificates } from '../apiserver/certificates.ts';

export interface PipeJob {
  readonly bytes: number;
}

export interface PipeAnswer {
  readonly seconds: number;
  /** Processor time of both ends together, ms. */
  readonly cpuMs: number;
}

const CHUNK = Buffer.alloc(65_536);

function* chunks(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= CHUNK.length) yield CHUNK;
}

const input: Buffer[] = [];
for await (const chunk of process.stdin) input.push(chunk as Buffer);
const { bytes } = JSON.parse(Buffer.concat(input).toString()) as PipeJob;
const { cert, key, caCert } = await clusterCertificates({ names: ['127.0.0.1'] });
const server = createServer(
  { cert, key },
  (socket) => void Readable.from(chunks(bytes), { objectMode: false }).pipe(socket),
);
await once(server.listen(0, '127.0.0.1'), 'listening');
const begun = performance.now();
const cpu = process.cpuUsage();
const client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, ca: caCert });
client.resume();
await once(client, 'end');
const { user, system } = process.cpuUsage(cpu);
const answer: PipeAnswer = { seconds: (performance.now() - begun) / 1000, cpuMs: (user + system) / 1000 };
server.close();
process.stdout.write(JSON.stringify(answer), () => process.exit(0));
