// The file of --egress-selector-config-file: upstream's EgressSelectorConfiguration, as far as it is supported; the rest is refused.
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { type Dial, dialThrough, directDial } from './egress.ts';

const configuration = z.object({
  apiVersion: z.string().startsWith('apiserver.k8s.io/'),
  kind: z.literal('EgressSelectorConfiguration'),
  egressSelections: z.array(
    z.object({
      name: z.enum(['cluster', 'controlplane', 'etcd']),
      connection: z.discriminatedUnion('proxyProtocol', [
        z.object({ proxyProtocol: z.literal('Direct') }),
        z.object({
          proxyProtocol: z.literal('HTTPConnect'),
          transport: z.object({ uds: z.object({ udsName: z.string().min(1) }) }),
        }),
      ]),
    }),
  ),
});

/** The way to the cluster that a configuration file tells of. Throws an error that says what is wrong or not supported. */
export async function readEgressSelector(path: string): Promise<Dial> {
  const text = await readFile(path, 'utf8');
  const { parse } = await import('yaml');
  const read = configuration.safeParse(text.trimStart().startsWith('{') ? JSON.parse(text) : parse(text));
  if (!read.success) throw new Error(z.prettifyError(read.error));
  const connection = read.data.egressSelections.find(({ name }) => name === 'cluster')?.connection;
  return connection?.proxyProtocol === 'HTTPConnect' ? dialThrough(connection.transport.uds.udsName) : directDial;
}
