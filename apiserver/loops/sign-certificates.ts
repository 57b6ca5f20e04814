// The signers of this server's own authority: what somebody approved is signed, or told why not (upstream pkg/controller/certificates/
// signer; it stands here since the authority's key does). Signers with other names are others' business.
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition as Condition,
} from '../../api/types/certificates.v1.ts';
import { Bell } from '../../host/bell.ts';
import { rfc3339 } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { Grant } from '../certificate-issuer.ts';
import { type CertificateRequest, readCertificateRequest } from '../certificate-request.ts';
import { encodeStored } from '../registry/codec.ts';
import type { Registry } from '../registry/registry.ts';
import { type Entry, PreconditionError } from '../storage/store.ts';

export interface SigningOptions {
  readonly registry: Pick<Registry, 'store' | 'catalogue' | 'clock'>;
  readonly grant: (what: Grant) => string;
  readonly log: Logger;
}

interface Signer {
  readonly usage: Grant['usage'];
  /** Why it does not sign this; undefined when it does. */
  refuses(request: CertificateRequest): string | undefined;
}

const PREFIX = 'certificates.k8s.io/certificatesigningrequests/';
const YEAR_SECONDS = 365 * 24 * 3600;
const [MAIL, DNS, URI, IP] = [1, 2, 6, 7];

const SIGNERS: Readonly<Record<string, Signer>> = {
  'kubernetes.io/kube-apiserver-client': { usage: 'clientAuth', refuses: () => undefined },
  'kubernetes.io/kube-apiserver-client-kubelet': {
    usage: 'clientAuth',
    refuses: (request) =>
      refusesNode(request) ?? (request.nameKinds.size > 0 ? 'subjectAltNames are not allowed' : undefined),
  },
  'kubernetes.io/kubelet-serving': {
    usage: 'serverAuth',
    refuses(request) {
      const { nameKinds } = request;
      if (nameKinds.has(MAIL)) return 'email subjectAltNames are not allowed';
      if (nameKinds.has(URI)) return 'URI subjectAltNames are not allowed';
      if (!nameKinds.has(DNS) && !nameKinds.has(IP)) return 'DNS or IP subjectAltName is required';
      return refusesNode(request);
    },
  },
};

function refusesNode({ commonName, organizations }: CertificateRequest): string | undefined {
  if (organizations.join() !== 'system:nodes') return 'subject organization is not system:nodes';
  return commonName.startsWith('system:node:') ? undefined : 'subject common name does not begin with system:node: ';
}

/** Ends when `signal` aborts. */
export async function signCertificatesLoop(options: SigningOptions, signal: AbortSignal): Promise<void> {
  const { store } = options.registry;
  const bell = new Bell();
  const changed = new Set<string>();
  const { entries, revision } = await store.list(PREFIX);
  for (const { key } of entries) changed.add(key);
  const stop = await store.watch(PREFIX, revision, (change) => {
    changed.add(change.type === 'put' ? change.entry.key : change.key);
    bell.ring();
  });
  while (!signal.aborted) {
    const keys = [...changed];
    changed.clear();
    for (const key of keys) await sign(key, options, signal);
    await bell.rung(signal);
  }
  stop();
}

async function sign(key: string, options: SigningOptions, signal: AbortSignal): Promise<void> {
  const entry = options.registry.store.get(key);
  if (!entry) return;
  const request = JSON.parse(entry.value.toString()) as CertificateSigningRequest;
  const types = (request.status?.conditions ?? []).map(({ type }) => type);
  const isDecided = types.includes('Approved') && !types.includes('Denied') && !types.includes('Failed');
  const signer = Object.hasOwn(SIGNERS, request.spec.signerName) ? SIGNERS[request.spec.signerName] : undefined;
  if (!isDecided || !signer || request.status?.certificate) return;
  try {
    await answer(entry, { ...request, status: { ...request.status, ...signed(request, signer, options) } }, options);
  } catch (error) {
    if (!signal.aborted)
      options.log.error({ err: error, request: request.metadata.name }, 'signing a certificate failed');
  }
}

/** The certificate, or the condition that says why there is none. */
function signed({ spec, status }: CertificateSigningRequest, signer: Signer, options: SigningOptions): object {
  const usages: readonly string[] = spec.usages ?? [];
  const wanted = signer.usage === 'clientAuth' ? 'client auth' : 'server auth';
  const allowed = ['digital signature', 'key encipherment', wanted];
  try {
    const request = readCertificateRequest(Buffer.from(spec.request, 'base64').toString());
    const isAllowed = usages.includes(wanted) && usages.every((usage) => allowed.includes(usage));
    const why = isAllowed ? signer.refuses(request) : `usages did not match [${allowed.join(' ')}]`;
    if (why) throw new Error(why);
    const pem = options.grant({
      request,
      usage: signer.usage,
      keyEncipherment: usages.includes('key encipherment'),
      seconds: Math.min(spec.expirationSeconds ?? YEAR_SECONDS, YEAR_SECONDS),
    });
    return { certificate: Buffer.from(pem).toString('base64') };
  } catch (error) {
    const now = rfc3339(options.registry.clock.now());
    const times = { lastUpdateTime: now, lastTransitionTime: now };
    const reason = 'SignerValidationFailure';
    const failed: Condition = { type: 'Failed', status: 'True', reason, message: (error as Error).message, ...times };
    return { conditions: [...(status?.conditions ?? []), failed] };
  }
}

/** What somebody changed meanwhile is looked at again because of that change. */
async function answer(entry: Entry, object: CertificateSigningRequest, { registry }: SigningOptions): Promise<void> {
  const kind = registry.catalogue.byKind('certificates.k8s.io', 'v1', 'CertificateSigningRequest')!;
  const value = (revision: number): Buffer => encodeStored(kind, object as never, revision);
  try {
    await registry.store.commit([{ key: entry.key, expect: entry.modRevision, value }]);
  } catch (error) {
    if (!(error instanceof PreconditionError)) throw error;
  }
}
