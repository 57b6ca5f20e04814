// The program `vitrine apiserver`.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import * as z from 'zod';
import { durationFlag } from '../host/duration.ts';
import { aborted, UsageError } from '../host/lifecycle.ts';
import { program } from '../host/program.ts';
import { admissionPluginNames } from './admission/plugins.ts';
import { readPortRange } from './allocators/node-ports.ts';
import { readServiceRanges } from './allocators/service-ranges.ts';
import { ISSUER, TokenIssuer } from './authentication/service-account-tokens.ts';
import { SigningKey } from './authentication/signing-key.ts';
import { newToken, readTokenFile } from './authentication/token-file.ts';
import { MASTERS, type User } from './authentication/user.ts';
import type { Pair } from './certificate-issuer.ts';
import type { Dial } from './connect/egress.ts';
import { replaceFile } from './files.ts';
import { DEFAULT_LIMITS } from './http/in-flight.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from './server.ts';
import type { Store } from './storage/store.ts';

const MEMORY = 'memory';

/** Text that `read` understands; its error is the flag's. */
function readable(fallback: string, read: (text: string) => unknown): z.ZodType<string> {
  return z
    .string()
    .default(fallback)
    .superRefine((text, context) => {
      try {
        read(text);
      } catch (error) {
        context.addIssue({ code: 'custom', message: (error as Error).message });
      }
    });
}

function port(fallback: number | undefined): z.ZodType<number | undefined> {
  const text = z.string().regex(/^\d{1,5}$/, 'must be a port, 0 to 65535');
  return text
    .transform(Number)
    .optional()
    .default(fallback as number);
}

function count(fallback: number): z.ZodType<number> {
  const text = z.string().regex(/^\d{1,9}$/, 'must be a number');
  return text.transform(Number).optional().default(fallback);
}

const optional = (): z.ZodType<string | undefined> => z.string().min(1).optional();

export const apiserver = program({
  name: 'apiserver',
  summary: 'the API server',
  flags: {
    'data-dir': {
      type: z.string().min(1).default(MEMORY),
      help: 'DIR where everything is kept, or "memory" (default) to keep nothing',
    },
    'bind-address': { type: z.string().min(1).default('127.0.0.1'), help: 'ADDRESS to listen on (default 127.0.0.1)' },
    'secure-port': { type: port(6443), help: 'PORT to listen on; 0: any free one (default 6443)' },
    'unix-socket': { type: optional(), help: 'PATH of a second entrance with the same TLS (default none)' },
    'token-auth-file': {
      type: optional(),
      help: 'FILE of lines token,user,uid,"group1,group2" (default: one administrator, whose token is kept in the data dir)',
    },
    'client-ca-file': {
      type: optional(),
      help: 'FILE with the PEM authorities of client certificates: CN is the user, O the groups (besides the own one)',
    },
    'tls-cert-file': {
      type: optional(),
      help: 'FILE with the PEM certificate (and chain) to serve with (default: one by the own authority)',
    },
    'tls-private-key-file': { type: optional(), help: 'FILE with its PEM key' },
    'anonymous-auth': {
      type: z.boolean().default(true),
      boolean: true,
      help: 'whether requests without credentials see what anybody may; false: they get 401 (default true)',
    },
    'write-kubeconfig': {
      type: optional(),
      help: "FILE for an administrator's kubeconfig, written when the server is ready",
    },
    'service-account-key-file': {
      type: optional(),
      help: "FILE with the PEM key that signs service accounts' tokens (default: one kept in the data dir)",
    },
    'service-account-issuer': {
      type: z.url({ protocol: /^https$/, error: 'must be an https URL' }).default(ISSUER),
      help: `URL that stands in service accounts' tokens as who made them (default ${ISSUER})`,
    },
    'api-audiences': {
      type: z
        .string()
        .default('')
        .transform((text) => text.split(',').filter(Boolean)),
      help: 'comma-separated: what this server calls itself in such tokens (default: the issuer)',
    },
    'service-cluster-ip-range': {
      type: readable('10.96.0.0/16', readServiceRanges),
      help: 'CIDR of cluster IPs, or CIDR,CIDR: one of each IP family, the default first (default 10.96.0.0/16)',
    },
    'service-node-port-range': {
      type: readable('30000-32767', readPortRange),
      help: 'FROM-TO of node ports, both included (default 30000-32767)',
    },
    'advertise-address': {
      type: optional(),
      help: 'ADDRESS where pods and nodes reach this server (default: the bind address)',
    },
    'advertise-port': { type: port(undefined), help: 'PORT that goes with it (default: the one listened on)' },
    'authorization-mode': {
      type: z.enum(['AlwaysAllow']).default('AlwaysAllow'),
      help: 'AlwaysAllow: whoever has credentials may do everything (the only mode yet)',
    },
    'disable-admission-plugins': {
      type: z
        .string()
        .default('')
        .transform((text) => text.split(',').filter(Boolean))
        .pipe(z.array(z.enum(admissionPluginNames))),
      help: `comma-separated, of ${admissionPluginNames.join(', ')} (default none)`,
    },
    'egress-selector-config-file': {
      type: optional(),
      help: 'FILE that tells how nodes and pods are reached (default: directly)',
    },
    'metrics-api': {
      type: z.boolean().default(false),
      boolean: true,
      help: "serve metrics.k8s.io (kubectl top) in metrics-server's place, by asking the nodes' agents (default false)",
    },
    'max-requests-inflight': {
      type: count(DEFAULT_LIMITS.reading),
      help: `how many reads are served at a time, others get 429; 0: any number (default ${DEFAULT_LIMITS.reading})`,
    },
    'max-mutating-requests-inflight': {
      type: count(DEFAULT_LIMITS.mutating),
      help: `how many writes are served at a time, others get 429; 0: any number (default ${DEFAULT_LIMITS.mutating})`,
    },
    'event-ttl': { type: durationFlag('1h'), help: 'how long Events are kept; 0: for ever (default 1h)' },
    'etcd-compaction-interval': {
      type: durationFlag('5m'),
      help: 'how long history is kept; 0: for ever (default 5m)',
    },
  },
  async run(values, { signal, log }) {
    const directory = values['data-dir'] === MEMORY ? undefined : values['data-dir'];
    const failed = new AbortController();
    const store = await openStore(directory, (error) => failed.abort(error));
    try {
      const server = await start({
        store,
        storeProblem: () => (failed.signal.aborted ? messageOf(failed.signal) : undefined),
        directory,
        bindAddress: values['bind-address'],
        securePort: values['secure-port'],
        unixSocket: values['unix-socket'],
        tokens: await usersOf(directory, values['token-auth-file']),
        anonymousAuth: values['anonymous-auth'],
        clientCA: await authorities(values['client-ca-file']),
        serving: await servingPair(values['tls-cert-file'], values['tls-private-key-file']),
        serviceAccountKey: await accountKey(directory, values['service-account-key-file']),
        serviceAccountIssuer: values['service-account-issuer'],
        apiAudiences: values['api-audiences'],
        serviceClusterIPRange: values['service-cluster-ip-range'],
        serviceNodePortRange: values['service-node-port-range'],
        advertiseAddress: values['advertise-address'],
        advertisePort: values['advertise-port'],
        dial: await egress(values['egress-selector-config-file']),
        metricsAPI: values['metrics-api'],
        disableAdmissionPlugins: values['disable-admission-plugins'],
        inFlight: {
          reading: values['max-requests-inflight'],
          mutating: values['max-mutating-requests-inflight'],
        },
        eventTtlMs: values['event-ttl'],
        compactionIntervalMs: values['etcd-compaction-interval'],
        log,
      });
      log.info({ url: server.url, data: values['data-dir'] }, 'ready');
      const path = values['write-kubeconfig'];
      if (path) await writeKubeconfig(path, { server: server.url, caCert: server.caCert, token: server.token });
      await aborted(AbortSignal.any([signal, failed.signal]));
      await server.close();
    } finally {
      await store.close();
    }
    // Opened again, the store knows what of the last write it has: that is for the next start.
    if (failed.signal.aborted) throw new UsageError(`stopped: ${messageOf(failed.signal)}`, 1);
    return 0;
  },
});

const messageOf = (signal: AbortSignal): string => (signal.reason as Error).message;

async function openStore(directory: string | undefined, onFailure: (error: Error) => void): Promise<Store> {
  if (!directory) {
    const { MemoryStore } = await import('./storage/memory.ts');
    return new MemoryStore();
  }
  const { LevelStore } = await import('./storage/level.ts');
  try {
    return await LevelStore.open(join(directory, 'store'), { onFailure });
  } catch (error) {
    throw new UsageError((error as Error).message, 1);
  }
}

/** An address that cannot be had is the user's to mend: one line, exit code 1. */
async function start(options: ApiServerOptions): Promise<ApiServer> {
  try {
    return await startApiServer(options);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const place = `${options.bindAddress}:${options.securePort}`;
    if (code === 'EADDRINUSE')
      throw new UsageError(`${place} is in use by another program; choose another --secure-port`, 1);
    if (code === 'EACCES') throw new UsageError(`${place} may not be listened on by this user`, 1);
    if (code === 'EADDRNOTAVAIL') throw new UsageError(`${options.bindAddress} is no address of this machine`, 1);
    throw error;
  }
}

async function egress(path: string | undefined): Promise<Dial | undefined> {
  if (!path) return undefined;
  const { readEgressSelector } = await import('./connect/egress-selector.ts');
  return readEgressSelector(path).catch((error: Error) => {
    throw new UsageError(`--egress-selector-config-file ${path}: ${error.message}`, 1);
  });
}

async function usersOf(directory: string | undefined, tokenFile: string | undefined): Promise<Map<string, User>> {
  if (tokenFile) return readTokens(tokenFile);
  const token = await keptSecret(directory, 'admin-token', newToken);
  return new Map([[token, { name: 'admin', uid: 'admin', groups: [MASTERS] }]]);
}

async function readTokens(path: string): Promise<Map<string, User>> {
  try {
    return readTokenFile(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--token-auth-file ${path}: ${(error as Error).message}`, 1);
  }
}

async function accountKey(directory: string | undefined, path: string | undefined): Promise<string> {
  if (!path) return keptSecret(directory, 'service-account.key', TokenIssuer.newKey);
  return readPem('service-account-key-file', path, (pem) => new SigningKey(pem));
}

async function authorities(path: string | undefined): Promise<string | undefined> {
  return path && readPem('client-ca-file', path, (pem) => new X509Certificate(pem));
}

async function servingPair(certPath: string | undefined, keyPath: string | undefined): Promise<Pair | undefined> {
  if (!certPath && !keyPath) return undefined;
  if (!certPath || !keyPath) throw new UsageError('--tls-cert-file and --tls-private-key-file go together');
  const cert = await readPem('tls-cert-file', certPath, (pem) => new X509Certificate(pem));
  const key = await readPem('tls-private-key-file', keyPath, (pem) => createSecureContext({ cert, key: pem }));
  return { cert, key };
}

/** The file's text, which `check` throws at when it is not what the flag is for. */
async function readPem(flag: string, path: string, check: (pem: string) => unknown): Promise<string> {
  try {
    const pem = await readFile(path, 'utf8');
    check(pem);
    return pem;
  } catch (error) {
    throw new UsageError(`--${flag} ${path}: ${(error as Error).message}`, 1);
  }
}

/** A secret that is made once and kept in the data directory, for its owner's eyes only. */
async function keptSecret(directory: string | undefined, name: string, make: () => string): Promise<string> {
  if (!directory) return make();
  const path = join(directory, name);
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const secret = make();
  await replaceFile(path, `${secret}\n`, 0o600);
  return secret;
}
