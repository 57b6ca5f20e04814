// What a fresh server creates by itself, all of it in one commit: namespaces, the default ServiceCIDR, priority classes, RBAC,
// flow control, the APIServices of its own groups, the `kubernetes` Service. Objects somebody changed since are left alone; what was deleted comes back.
import { randomUUID } from 'node:crypto';
import type { Catalogue } from '../api/catalogue.ts';
import facts from '../api/facts/bootstrap.json' with { type: 'json' };
import { type Block, familyOf, formatBlock } from '../api/ip.ts';
import type { Kind } from '../api/kind.ts';
import { type AnyObject, apiVersionOf } from '../api/object.ts';
import type { ServiceCIDR } from '../api/types/networking.v1.ts';
import { rfc3339 } from '../host/clock.ts';
import { aboutItself, type Draft } from './about-itself.ts';
import { addressKey, takeAddressOp } from './allocators/ip-addresses.ts';
import { createdBy, keep, SERVER } from './managed-fields/ownership.ts';
import { encodeStored, keyFor } from './registry/codec.ts';
import type { Op, Store } from './storage/store.ts';

export interface BootstrapOptions {
  readonly store: Store;
  readonly catalogue: Catalogue;
  /** ms since the epoch. */
  readonly now: number;
  /** One of each IP family, and the first address of the first: the `kubernetes` Service's. */
  readonly serviceRanges: readonly Block[];
  readonly serviceIP: string;
  /** PEM, for the clients that look for it in a ConfigMap. */
  readonly caCert: string;
}

export interface AdvertiseOptions {
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly now: number;
  /** Where clients inside the cluster find this server: the endpoint of the `kubernetes` Service. */
  readonly address: string;
  readonly port: number;
}

interface Fact {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  [field: string]: unknown;
}

/** A fact's name, labels and annotations are metadata, the rest is the object. */
function draftOf({ name, namespace, labels, annotations, ...rest }: Fact): Draft {
  const metadata = {
    name,
    ...(namespace && { namespace }),
    ...(labels && { labels }),
    ...(annotations && { annotations }),
  };
  return { metadata, ...rest };
}

export async function bootstrap(options: BootstrapOptions): Promise<void> {
  const { store, catalogue, now } = options;
  const ops: Op[] = [];
  const add = (group: string, version: string, kindName: string, draft: Draft): void => {
    const op = createOp(store, catalogue, now, { group, version, kind: kindName }, draft);
    if (op) ops.push(op);
  };
  for (const name of facts.namespaces) add('', 'v1', 'Namespace', namespaceDraft(name));
  for (const [list, kind] of RBAC) {
    for (const fact of facts[list] as unknown as Fact[]) add('rbac.authorization.k8s.io', 'v1', kind, draftOf(fact));
  }
  for (const { name, value, preemptionPolicy } of facts.priorityclasses) {
    add('scheduling.k8s.io', 'v1', 'PriorityClass', { metadata: { name, generation: 1 }, value, preemptionPolicy });
  }
  for (const { group, kind, draft } of aboutItself(now)) add(group, 'v1', kind, draft);
  const range = serviceCIDROp(options);
  if (range) ops.push(range);
  const service = serviceDraft(options.serviceIP);
  const before = ops.length;
  add('', 'v1', 'Service', service);
  const isNew = ops.length > before;
  if (isNew && !store.get(addressKey(options.serviceIP)))
    ops.push(takeAddressOp(options.serviceIP, service as never, now));
  add('', 'v1', 'ConfigMap', {
    metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
    data: { 'requestheader-allowed-names': '[]', 'client-ca-file': options.caCert },
  });
  // Since when it is known which of the Secrets that hold tokens are used (upstream: legacytokentracking).
  add('', 'v1', 'ConfigMap', {
    metadata: { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' },
    data: { since: rfc3339(now).slice(0, 'YYYY-MM-DD'.length) },
  });
  if (ops.length > 0) await store.commit(ops);
}

const RBAC = [
  ['clusterroles', 'ClusterRole'],
  ['clusterrolebindings', 'ClusterRoleBinding'],
  ['roles', 'Role'],
  ['rolebindings', 'RoleBinding'],
] as const;

interface KindName {
  group: string;
  version: string;
  kind: string;
}

function createOp(store: Store, catalogue: Catalogue, now: number, what: KindName, draft: Draft): Op | undefined {
  const kind = catalogue.byKind(what.group, what.version, what.kind);
  if (!kind) throw new Error(`no such kind: ${what.kind}`);
  const key = keyFor(kind, draft.metadata.namespace ?? '', draft.metadata.name);
  if (store.get(key)) return undefined;
  const metadata = { ...draft.metadata, uid: randomUUID(), creationTimestamp: rfc3339(now) };
  const object = { ...draft, metadata } as AnyObject;
  if (!UNTRACKED.has(what.group)) track(object, kind, now);
  return { key, expect: 0, value: (revision) => encodeStored(kind, object, revision) };
}

/** A hundred roles and bindings, tracked, would take as long as all the rest of this; they become tracked when somebody applies. */
const UNTRACKED = new Set(['apiregistration.k8s.io', 'flowcontrol.apiserver.k8s.io', 'rbac.authorization.k8s.io']);

function track(object: AnyObject, kind: Kind, now: number): void {
  const apiVersion = apiVersionOf(kind.group, kind.version);
  keep(
    object,
    createdBy({ manager: SERVER, operation: 'Update', apiVersion }, kind.schema, { ...object, status: undefined }, now),
  );
}

function namespaceDraft(name: string): Draft {
  return {
    metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  };
}

/** The default ServiceCIDR; that of a cluster of one family takes in a second one (upstream: defaultservicecidr). */
export function serviceCIDROp(options: Omit<BootstrapOptions, 'serviceIP' | 'caCert'>): Op | undefined {
  const { store, catalogue, now, serviceRanges } = options;
  const cidrs = serviceRanges.map(formatBlock);
  const what = { group: 'networking.k8s.io', version: 'v1', kind: 'ServiceCIDR' };
  const draft = serviceCIDRDraft(cidrs, now);
  const kind = catalogue.byKind(what.group, what.version, what.kind)!;
  const entry = store.get(keyFor(kind, '', draft.metadata.name));
  if (!entry) return createOp(store, catalogue, now, what, draft);
  const { spec } = JSON.parse(entry.value.toString()) as ServiceCIDR;
  const isUpgrade = cidrs.length === 2 && spec?.cidrs?.length === 1 && spec.cidrs[0] === cidrs[0];
  return isUpgrade ? replaceOp(store, catalogue, now, what, draft, ['spec']) : undefined;
}

function serviceCIDRDraft(cidrs: readonly string[], now: number): Draft {
  const ready = {
    type: 'Ready',
    status: 'True',
    lastTransitionTime: rfc3339(now),
    reason: '',
    message: 'Kubernetes default Service CIDR is ready',
  };
  return { metadata: { name: 'kubernetes' }, spec: { cidrs }, status: { conditions: [ready] } };
}

function serviceDraft(address: string): Draft {
  return {
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: 6443 }],
      clusterIP: address,
      clusterIPs: [address],
      type: 'ClusterIP',
      sessionAffinity: 'None',
      ipFamilies: [familyOf(address)!],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
    },
    status: { loadBalancer: {} },
  };
}

/** Points the `kubernetes` Service's endpoints at this server; writes only what differs. */
export async function advertise({ store, catalogue, now, address, port }: AdvertiseOptions): Promise<void> {
  const ports = [{ name: 'https', port, protocol: 'TCP' }];
  const labels = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
  const endpoints: Draft = {
    metadata: { name: 'kubernetes', namespace: 'default', labels },
    subsets: [{ addresses: [{ ip: address }], ports }],
  };
  const slice: Draft = {
    metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: familyOf(address)!,
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports,
  };
  const ops = [
    replaceOp(store, catalogue, now, { group: '', version: 'v1', kind: 'Endpoints' }, endpoints, ['subsets']),
    replaceOp(store, catalogue, now, { group: 'discovery.k8s.io', version: 'v1', kind: 'EndpointSlice' }, slice, [
      'endpoints',
      'ports',
    ]),
  ].filter((op) => op !== undefined);
  if (ops.length > 0) await store.commit(ops);
}

/** Creates the object, or brings the named fields of the one there is to the draft's. */
function replaceOp(
  store: Store,
  catalogue: Catalogue,
  now: number,
  what: KindName,
  draft: Draft,
  fields: readonly string[],
): Op | undefined {
  const kind = catalogue.byKind(what.group, what.version, what.kind)!;
  const key = keyFor(kind, draft.metadata.namespace ?? '', draft.metadata.name);
  const entry = store.get(key);
  if (!entry) return createOp(store, catalogue, now, what, draft);
  const object = JSON.parse(entry.value.toString()) as AnyObject;
  const isSame = fields.every((field) => JSON.stringify(object[field]) === JSON.stringify(draft[field]));
  if (isSame) return undefined;
  for (const field of fields) object[field] = draft[field];
  return { key, expect: entry.modRevision, value: (revision) => encodeStored(kind, object, revision) };
}
