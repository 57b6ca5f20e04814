// The limit of one Node process: a bare Fastify with the same TLS and protocols as the API server, that stores nothing
// and answers every write with the object it was sent. Runs in a process of its own until SIGTERM; prints its Target.
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { clusterCertificates } from '../apiserver/certificates.ts';

const OBJECT = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'c', namespace: 'default', labels: { app: 'bench' } },
  data: { k: 'x'.repeat(500) },
};

const { caCert, cert, key } = await clusterCertificates({ names: ['127.0.0.1'] });
const server = Fastify({ http2: true, https: { allowHTTP1: true, cert, key } }) as unknown as FastifyInstance;
server.addContentTypeParser('application/merge-patch+json', { parseAs: 'string' }, (_, body, done) => {
  done(null, JSON.parse(body as string));
});
server.post('/api/v1/namespaces/:namespace/configmaps', (request, reply) => reply.code(201).send(request.body));
server.get('/api/v1/namespaces/:namespace/configmaps/:name', (_, reply) => reply.send(OBJECT));
server.patch('/api/v1/namespaces/:namespace/configmaps/:name', (request, reply) =>
  reply.send({ ...OBJECT, data: request.body }),
);
await server.listen({ host: '127.0.0.1', port: 0 });
const { port } = server.addresses()[0] as AddressInfo;
process.stdout.write(`${JSON.stringify({ host: '127.0.0.1', port, ca: caCert, token: 'none' })}\n`);
process.once('SIGTERM', () => process.exit(0));
