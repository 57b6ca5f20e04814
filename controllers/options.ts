// What the controller manager can be told, with upstream's meanings; main.ts reads it from flags.

export interface ControllerOptions {
  /** Names of controllers: `*` for all, `-name` to leave one out. */
  readonly controllers: readonly string[];
  /** Pod addresses of the whole cluster, one CIDR of each family at most; every node gets a share of each. */
  readonly clusterCIDRs: readonly string[];
  /** Prefix length of a node's pod CIDR of each family. */
  readonly nodeCIDRMaskSize: { readonly IPv4: number; readonly IPv6: number };
  /** Addresses for Services of type LoadBalancer, one CIDR of each family at most; none: nobody here balances, and they stay pending. */
  readonly loadBalancerCIDRs: readonly string[];
  /** ms without a heartbeat until a node counts as gone. */
  readonly nodeMonitorGracePeriodMs: number;
  /** ms between looks at all heartbeats. */
  readonly nodeMonitorPeriodMs: number;
  /** Finished pods kept before the oldest are deleted. */
  readonly terminatedPodGCThreshold: number;
  /** How many keys each controller reconciles at once. */
  readonly concurrentSyncs: number;
  /** PEM bundle published to every namespace as `kube-root-ca.crt`; empty: the kubeconfig's authority. */
  readonly rootCA: string;
  /** What an EndpointSlice may hold. */
  readonly maxEndpointsPerSlice: number;
}

export const defaultOptions: ControllerOptions = {
  controllers: ['*'],
  clusterCIDRs: ['10.244.0.0/16'],
  nodeCIDRMaskSize: { IPv4: 24, IPv6: 64 },
  loadBalancerCIDRs: [],
  nodeMonitorGracePeriodMs: 40_000,
  nodeMonitorPeriodMs: 5_000,
  terminatedPodGCThreshold: 12_500,
  concurrentSyncs: 5,
  rootCA: '',
  maxEndpointsPerSlice: 100,
};
