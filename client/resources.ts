// The built-in resources that our own programs speak of.
import type { KubeObject } from '../api/object.ts';
import type { DaemonSet, Deployment, ReplicaSet } from '../api/types/apps.v1.ts';
import type { Lease } from '../api/types/coordination.v1.ts';
import type {
  ConfigMap,
  Endpoints,
  Event,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  ReplicationController,
  Secret,
  Service,
  ServiceAccount,
} from '../api/types/core.v1.ts';
import type { EndpointSlice } from '../api/types/discovery.v1.ts';
import type { IPAddress, NetworkPolicy, ServiceCIDR } from '../api/types/networking.v1.ts';
import type { VolumeAttributesClass } from '../api/types/storage.v1.ts';
import type { Resource } from './client.ts';

const core = <T extends KubeObject>(kind: string, plural: string, namespaced = true): Resource<T> => ({
  group: '',
  version: 'v1',
  kind,
  plural,
  namespaced,
});
const apps = <T extends KubeObject>(kind: string, plural: string): Resource<T> => ({
  group: 'apps',
  version: 'v1',
  kind,
  plural,
  namespaced: true,
});

export const nodes = core<Node>('Node', 'nodes', false);
export const namespaces = core<Namespace>('Namespace', 'namespaces', false);
export const pods = core<Pod>('Pod', 'pods');
export const services = core<Service>('Service', 'services');
export const endpoints = core<Endpoints>('Endpoints', 'endpoints');
export const events = core<Event>('Event', 'events');
export const configMaps = core<ConfigMap>('ConfigMap', 'configmaps');
export const secrets = core<Secret>('Secret', 'secrets');
export const serviceAccounts = core<ServiceAccount>('ServiceAccount', 'serviceaccounts');
export const persistentVolumes = core<PersistentVolume>('PersistentVolume', 'persistentvolumes', false);
export const persistentVolumeClaims = core<PersistentVolumeClaim>('PersistentVolumeClaim', 'persistentvolumeclaims');
export const replicationControllers = core<ReplicationController>('ReplicationController', 'replicationcontrollers');
export const deployments = apps<Deployment>('Deployment', 'deployments');
export const replicaSets = apps<ReplicaSet>('ReplicaSet', 'replicasets');
export const daemonSets = apps<DaemonSet>('DaemonSet', 'daemonsets');
export const endpointSlices: Resource<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
};
export const leases: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};
export const networkPolicies: Resource<NetworkPolicy> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  namespaced: true,
};
const networking = <T extends KubeObject>(kind: string, plural: string): Resource<T> => ({
  group: 'networking.k8s.io',
  version: 'v1',
  kind,
  plural,
  namespaced: false,
});
export const serviceCIDRs = networking<ServiceCIDR>('ServiceCIDR', 'servicecidrs');
export const ipAddresses = networking<IPAddress>('IPAddress', 'ipaddresses');
export const volumeAttributesClasses: Resource<VolumeAttributesClass> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  plural: 'volumeattributesclasses',
  namespaced: false,
};
