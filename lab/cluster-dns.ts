// Cluster DNS as kubeadm installs it (its manifests for CoreDNS): two pods behind the Service `kube-dns`. What a user changed of it
// stays so; what was deleted comes back when the lab starts again.
import { hostPort } from '../api/ip.ts';
import type { KubeObject } from '../api/object.ts';
import { isReason } from '../api/status.ts';
import type { Deployment } from '../api/types/apps.v1.ts';
import type { Service } from '../api/types/core.v1.ts';
import type { ClusterRole, ClusterRoleBinding } from '../api/types/rbac.v1.ts';
import type { Client, Resource } from '../client/client.ts';
import { deployments, serviceAccounts, services } from '../client/resources.ts';
import type { Addresses } from './addresses.ts';

const NAMESPACE = 'kube-system';
const LABELS = { 'k8s-app': 'kube-dns' };
const PORTS = { dns: 53, health: 8080, ready: 8181, metrics: 9153 };

const rbac = <T extends KubeObject>(kind: string, plural: string): Resource<T> => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind,
  plural,
  namespaced: false,
});
const clusterRoles = rbac<ClusterRole>('ClusterRole', 'clusterroles');
const clusterRoleBindings = rbac<ClusterRoleBinding>('ClusterRoleBinding', 'clusterrolebindings');

const ROLE: ClusterRole = {
  metadata: { name: 'system:coredns' },
  rules: [
    { apiGroups: [''], resources: ['services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
  ],
};

const BINDING: ClusterRoleBinding = {
  metadata: { name: 'system:coredns' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:coredns' },
  subjects: [{ kind: 'ServiceAccount', name: 'coredns', namespace: NAMESPACE }],
};

const service = (clusterIP: string): Service => ({
  metadata: {
    name: 'kube-dns',
    namespace: NAMESPACE,
    labels: { ...LABELS, 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
    annotations: { 'prometheus.io/port': `${PORTS.metrics}`, 'prometheus.io/scrape': 'true' },
  },
  spec: {
    clusterIP,
    selector: LABELS,
    ports: [
      { name: 'dns', port: PORTS.dns, protocol: 'UDP', targetPort: PORTS.dns },
      { name: 'dns-tcp', port: PORTS.dns, protocol: 'TCP', targetPort: PORTS.dns },
      { name: 'metrics', port: PORTS.metrics, protocol: 'TCP', targetPort: PORTS.metrics },
    ],
  },
});

const probe = (path: string, port: number) => ({ httpGet: { path, port } });

/** `anywhere`: the unspecified address, at which the pods listen. */
const deployment = (anywhere: string): Deployment => ({
  metadata: { name: 'coredns', namespace: NAMESPACE, labels: LABELS },
  spec: {
    replicas: 2,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
    selector: { matchLabels: LABELS },
    template: {
      metadata: { name: '', labels: LABELS },
      spec: {
        serviceAccountName: 'coredns',
        priorityClassName: 'system-cluster-critical',
        dnsPolicy: 'Default', // its own names are its own to know
        tolerations: [{ key: 'CriticalAddonsOnly', operator: 'Exists' }],
        affinity: {
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 100,
                podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: LABELS } },
              },
            ],
          },
        },
        containers: [
          {
            name: 'coredns',
            image: 'vitrine-dns',
            imagePullPolicy: 'IfNotPresent',
            args: [
              `--listen=${hostPort(anywhere, PORTS.dns)}`,
              '--pods=insecure',
              ...[PORTS.health, PORTS.ready, PORTS.metrics].map(
                (port) => `--http-bind-address=${hostPort(anywhere, port)}`,
              ),
            ],
            ports: [
              { containerPort: PORTS.dns, name: 'dns', protocol: 'UDP' },
              { containerPort: PORTS.dns, name: 'dns-tcp', protocol: 'TCP' },
              { containerPort: PORTS.metrics, name: 'metrics', protocol: 'TCP' },
            ],
            livenessProbe: { ...probe('/health', PORTS.health), initialDelaySeconds: 60, timeoutSeconds: 5 },
            readinessProbe: { ...probe('/ready', PORTS.ready), periodSeconds: 1 },
          },
        ],
      },
    },
  },
});

/** Creates what is not there, at the address its Service has in this family. */
export async function installClusterDns(client: Client, { clusterDNS, unspecified }: Addresses): Promise<void> {
  await Promise.all([
    ensure(client, serviceAccounts, { metadata: { name: 'coredns', namespace: NAMESPACE } }),
    ensure(client, clusterRoles, ROLE),
    ensure(client, clusterRoleBindings, BINDING),
    ensure(client, services, service(clusterDNS)),
  ]);
  await ensure(client, deployments, deployment(unspecified)); // its pods need the ServiceAccount
}

async function ensure<T extends KubeObject>(client: Client, resource: Resource<T>, object: T): Promise<void> {
  const { name, namespace } = object.metadata;
  try {
    await client.get(resource, { name, namespace });
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error;
    await client.create(resource, object);
  }
}
