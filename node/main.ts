// The program `vitrine node`.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as z from 'zod';
import type { Connection } from '../client/connection.ts';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { RestClient } from '../client/rest.ts';
import { UsageError } from '../host/lifecycle.ts';
import { type Program, program } from '../host/program.ts';
import { addressesFlag } from './addresses-flag.ts';
import { runAgent } from './agent.ts';
import type { ServingIdentity } from './streams/stream-server.ts';

interface Files {
  readonly 'tls-cert-file'?: string;
  readonly 'tls-private-key-file'?: string;
  readonly 'client-ca-file'?: string;
}

/** Undefined without files. Throws UsageError when one is missing or cannot be read. */
async function servingIdentity(files: Files, { ca }: Connection): Promise<ServingIdentity | undefined> {
  const { 'tls-cert-file': certFile, 'tls-private-key-file': keyFile, 'client-ca-file': caFile } = files;
  if (!certFile && !keyFile) return undefined;
  if (!certFile || !keyFile) throw new UsageError('--tls-cert-file and --tls-private-key-file go together');
  const [cert, key, clientCA] = await Promise.all([read(certFile), read(keyFile), caFile ? read(caFile) : ca]);
  if (!clientCA) throw new UsageError('--client-ca-file is required: the kubeconfig names no authority');
  return { cert, key, clientCA };
}

function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: Error) => {
    throw new UsageError(error.message, 1);
  });
}

const name = z.string({ error: 'is required' }).regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a DNS name');

export const node: Program = program({
  name: 'node',
  summary: 'the node agent: registers a node and runs the pods bound to it',
  flags: {
    kubeconfig: { type: z.string({ error: 'is required' }), help: 'file that tells where the API server is' },
    'node-name': { type: name, help: "the Node object's name" },
    'node-ip': {
      type: addressesFlag,
      help: "ADDRESS or ADDRESS,ADDRESS (IPv4 and IPv6, the primary first): the node's, on an interface of this namespace",
    },
    directory: {
      type: z.string().default('.vitrine/node'),
      help: 'folder for state, images and logs; kept over restarts',
    },
    'tls-cert-file': {
      type: z.string().optional(),
      help: 'FILE with the PEM certificate to serve the API server with (default: it cannot ask for logs and commands)',
    },
    'tls-private-key-file': { type: z.string().optional(), help: 'FILE with its PEM key' },
    'client-ca-file': {
      type: z.string().optional(),
      help: "FILE with the PEM authority of the API server's own certificate (default: the kubeconfig's)",
    },
    'node-lease-duration-seconds': {
      type: z.coerce.number().int().min(1).default(40),
      help: 'seconds after which the node counts as gone; renewed every quarter of it (default 40)',
    },
    'cluster-dns': {
      type: z.union([z.ipv4(), z.ipv6()]).default('10.96.0.10'),
      help: "nameserver in the pods' resolv.conf (default 10.96.0.10)",
    },
    'cluster-domain': {
      type: z.string().default('cluster.local'),
      help: 'domain of the cluster (default cluster.local)',
    },
    'image-directory': { type: z.string().optional(), help: 'where images are that were loaded by hand' },
    'stand-in-images': {
      type: z.boolean().default(false),
      boolean: true,
      help: 'run echo in place of images that do not exist, instead of refusing them',
    },
    'pod-network': {
      type: z.enum(['routes', 'vxlan'], 'routes or vxlan').default('routes'),
      help: "how packets reach other nodes' pods: routes (default), or vxlan: inside packets between the nodes",
    },
    'cluster-cidr': {
      type: z
        .string()
        .default('')
        .transform((text) => text.split(',').filter(Boolean)),
      help: "CIDR or CIDR,CIDR: all pods' addresses; packets to them are never masqueraded",
    },
  },
  async run(values, { signal, log, version }) {
    const connection = await loadKubeconfig(values.kubeconfig);
    const serving = await servingIdentity(values, connection);
    const client = new RestClient(connection, { userAgent: 'kubelet/v1.36.3' });
    await runAgent({
      client,
      nodeName: values['node-name'],
      nodeIPs: values['node-ip'],
      directory: resolve(values.directory),
      version,
      leaseDurationSeconds: values['node-lease-duration-seconds'],
      clusterDNS: values['cluster-dns'],
      clusterDomain: values['cluster-domain'],
      clusterCIDRs: values['cluster-cidr'],
      podNetwork: values['pod-network'],
      serving,
      images: { loadedImages: values['image-directory'], standIn: values['stand-in-images'] },
      log,
      signal,
    });
    await client.close();
    return 0;
  },
}) as Program;
