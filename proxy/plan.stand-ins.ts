// A node and a service port for tests of plans and backends; each says only in what its own differs.
import type { NodeFacts, ServicePort } from './plan.ts';

export const NODE: NodeFacts = {
  nodeName: 'node-1',
  zone: '',
  nodeIPs: ['192.168.1.10'],
  detectLocal: { mode: 'None' },
  nodePortIPs: 'all',
  masqueradeAll: false,
  masqueradeBit: 14,
  localhostNodePorts: false,
};

/** Of type ClusterIP, with an endpoint here and one elsewhere. */
export function servicePort(name: string, more: Partial<ServicePort> = {}): ServicePort {
  return {
    id: `default/${name}:http`,
    namespace: 'default',
    name,
    portName: 'http',
    protocol: 'TCP',
    clusterIP: '10.96.0.20',
    port: 80,
    nodePort: 0,
    externalIPs: [],
    loadBalancerIPs: [],
    loadBalancerSourceRanges: [],
    affinitySeconds: 0,
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    healthCheckNodePort: 0,
    clusterEndpoints: [
      { ip: '10.244.1.5', port: 8080, isLocal: true },
      { ip: '10.244.2.6', port: 8080, isLocal: false },
    ],
    localEndpoints: [],
    hasEndpoints: true,
    ...more,
  };
}
