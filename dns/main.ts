// The program `vitrine dns`: cluster DNS.
import { isIP } from 'node:net';
import * as z from 'zod';
import { inClusterConnection } from '../client/in-cluster.ts';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { RestClient } from '../client/rest.ts';
import { program } from '../host/program.ts';
import { POD_MODES } from './catalog/catalog.ts';
import type { Address } from './listen-udp.ts';
import { runDns } from './server.ts';
import { nameOf } from './wire/name.ts';

/** `10.0.0.1:53`, `[fd00::1]:53`; with `fallbackPort`, an address alone too. */
function parseAddress(text: string, fallbackPort?: number): Address | undefined {
  if (isIP(text) && fallbackPort !== undefined) return { host: text, port: fallbackPort };
  const [, v6, v4, port] = /^(?:\[(.+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? (v4 === '' ? '0.0.0.0' : v4);
  return host !== undefined && isIP(host) && Number(port) < 65_536 ? { host, port: Number(port) } : undefined;
}

function addresses(fallback: readonly string[], fallbackPort?: number): z.ZodType<Address[]> {
  const one = z.string().transform((text, context) => {
    const address = parseAddress(text, fallbackPort);
    if (address) return address;
    const form = fallbackPort === undefined ? 'ADDRESS:PORT' : 'an address or ADDRESS:PORT';
    context.addIssue({ code: 'custom', message: `${JSON.stringify(text)} is not ${form}` });
    return z.NEVER;
  });
  return z.array(one).default(fallback.map((text) => parseAddress(text, fallbackPort)!));
}

const domain = z
  .string()
  .default('cluster.local')
  .transform((text, context) => {
    const name = nameOf(text);
    if (name) return name;
    context.addIssue({ code: 'custom', message: `${JSON.stringify(text)} is not a domain name` });
    return z.NEVER;
  });

export const dns = program({
  name: 'dns',
  summary: 'cluster DNS: names of Services, endpoints and pods',
  flags: {
    kubeconfig: {
      type: z.string().optional(),
      help: 'file that tells where the API server is (default, in a pod: what its ServiceAccount tells)',
    },
    listen: {
      type: addresses(['0.0.0.0:53']),
      multiple: true,
      help: 'ADDRESS:PORT to answer at, over UDP and TCP; may be given several times (default 0.0.0.0:53)',
    },
    'cluster-domain': { type: domain, help: 'the domain of all names in the cluster (default cluster.local)' },
    pods: {
      type: z.enum(POD_MODES).default('insecure'),
      help: 'names of pods: insecure (any address, the default), verified (those that exist) or disabled',
    },
    forward: {
      type: addresses([], 53),
      multiple: true,
      help: 'ADDRESS[:PORT] of a server to ask for names outside the cluster; several times: in this order (default: none)',
    },
    ttl: {
      type: z.coerce.number().int().min(0).max(3600).default(30),
      help: 'seconds that answers may be kept (default 30)',
    },
    'advertise-address': {
      type: z.array(z.union([z.ipv4(), z.ipv6()], { error: 'must be an IP address' })).default([]),
      multiple: true,
      help: 'address by which endpoints know this server (default: those it listens on)',
    },
    'http-bind-address': {
      type: addresses([]),
      multiple: true,
      help: 'ADDRESS:PORT of /health, /ready and /metrics; may be given several times (default: none)',
    },
  },
  async run(values, { signal, log }) {
    const connection = values.kubeconfig ? loadKubeconfig(values.kubeconfig) : inClusterConnection();
    const client = new RestClient(await connection, { userAgent: 'vitrine-dns' });
    try {
      await runDns({
        client,
        listen: values.listen,
        clusterZone: values['cluster-domain'],
        pods: values.pods,
        ttl: values.ttl,
        forward: values.forward,
        advertise: values['advertise-address'],
        http: values['http-bind-address'],
        answering: (address) => process.stdout.write(`answering at ${address}\n`),
        log,
        signal,
      });
    } finally {
      await client.close();
    }
    return 0;
  },
});
