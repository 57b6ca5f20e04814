// A pod runs as a ServiceAccount that exists, and gets its token mounted (upstream: ServiceAccount).
import { randomInt } from 'node:crypto';
import { generateName } from '../../api/metadata.ts';
import { StatusError } from '../../api/status.ts';
import type { Container, Pod, PodSpec, ServiceAccount, Volume } from '../../api/types/core.v1.ts';
import type { Admission } from '../registry/registry.ts';

const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const VOLUME_PREFIX = 'kube-api-access-';
/** An hour, and some seconds so that tokens are refreshed before an hour's end. */
const TOKEN_SECONDS = 3607;
const MIRROR = 'kubernetes.io/config.mirror';

export const serviceAccount: Admission = {
  name: 'ServiceAccount',
  admit(registry, { kind, namespace, subresource }, object, old) {
    if (kind.group !== '' || kind.kind !== 'Pod' || old || subresource) return;
    const { spec, metadata } = object as unknown as Pod;
    // Mirror pods show what a node runs by itself; they have no token to mount.
    if (!spec || metadata.annotations?.[MIRROR] !== undefined) return;
    const name = spec.serviceAccountName || spec.serviceAccount || 'default';
    spec.serviceAccountName = name;
    spec.serviceAccount = name;
    const entry = registry.store.get(`/serviceaccounts/${namespace}/${name}`);
    if (!entry) {
      const why = `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`;
      throw StatusError.forbidden(kind, metadata.name, why);
    }
    const account = JSON.parse(entry.value.toString()) as ServiceAccount;
    if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(spec);
    if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
      spec.imagePullSecrets = account.imagePullSecrets;
    }
  },
};

/** Mounts the token in every container that has nothing at its path; the volume is there only when somebody uses it. */
function mountToken(spec: PodSpec): void {
  const existing = spec.volumes?.find(({ name }) => name.startsWith(VOLUME_PREFIX));
  const name = existing?.name ?? generateName(VOLUME_PREFIX, randomInt);
  const containers: Container[] = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  let isUsed = false;
  for (const container of containers) {
    if (container.volumeMounts?.some(({ mountPath }) => mountPath === MOUNT_PATH)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: MOUNT_PATH }];
    isUsed = true;
  }
  if (isUsed && !existing) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
      defaultMode: 0o644,
    },
  };
}
