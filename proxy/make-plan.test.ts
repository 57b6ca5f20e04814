// Plans of single Services, and which service ports an update names.
import { beforeEach, describe, expect, it } from 'vitest';
import type { Service } from '../api/types/core.v1.ts';
import { EndpointSliceTracker } from './changes/endpoint-slices.ts';
import { ServiceTracker } from './changes/services.ts';
import { PlanMaker, type PlanStep } from './make-plan.ts';
import { NODE } from './plan.stand-ins.ts';
import type { IPFamily, NodeFacts, ServicePort } from './plan.ts';

let services: ServiceTracker;
let slices: EndpointSliceTracker;
let maker: PlanMaker;

beforeEach(() => {
  services = new ServiceTracker();
  slices = new EndpointSliceTracker();
  maker = new PlanMaker('IPv4', services, slices);
  // One endpoint on this node, one elsewhere.
  slices.set({
    metadata: { name: 'web-a', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ port: 8080, protocol: 'TCP' }],
    endpoints: [
      { addresses: ['10.244.1.5'], nodeName: 'node-1' },
      { addresses: ['10.244.2.5'], nodeName: 'node-2' },
    ],
  });
});

function set(spec: Service['spec'] = {}, ingress: { ip?: string; ipMode?: string; hostname?: string }[] = []): void {
  const clusterIPs = ['10.96.0.20'];
  services.set({
    metadata: { name: 'web', namespace: 'default' },
    spec: { clusterIP: clusterIPs[0], clusterIPs, ports: [{ port: 80, protocol: 'TCP' }], ...spec },
    status: { loadBalancer: { ingress } },
  });
}

const update = (node: NodeFacts = NODE): PlanStep => maker.update(node, [...services.take(), ...slices.take()]);

function only(spec: Service['spec'] = {}, ingress: { ip: string }[] = []): ServicePort {
  set(spec, ingress);
  return update().plan.services.get('default/web')!;
}

const ips = (endpoints: ServicePort['clusterEndpoints']): string[] => endpoints.map(({ ip }) => ip);

describe('a service port', () => {
  it('of a plain Service sends everywhere', () => {
    const port = only();
    expect(ips(port.clusterEndpoints)).toEqual(['10.244.1.5', '10.244.2.5']);
    expect(port).toMatchObject({ localEndpoints: [], hasEndpoints: true, nodePort: 0, affinitySeconds: 0 });
  });

  it('of internal policy Local keeps to the node', () => {
    const port = only({ internalTrafficPolicy: 'Local' });
    expect([ips(port.clusterEndpoints), ips(port.localEndpoints)]).toEqual([[], ['10.244.1.5']]);
  });

  it('of external policy Local has both: the cluster itself may use all', () => {
    const ports = [{ port: 80, protocol: 'TCP' as const, nodePort: 30080 }];
    const port = only({ type: 'NodePort', externalTrafficPolicy: 'Local', ports });
    expect([ips(port.clusterEndpoints), ips(port.localEndpoints)]).toEqual([
      ['10.244.1.5', '10.244.2.5'],
      ['10.244.1.5'],
    ]);
  });

  it('asks for health only as a load balancer of policy Local', () => {
    const spec = { healthCheckNodePort: 32000, externalTrafficPolicy: 'Local' as const };
    expect(only({ ...spec, type: 'LoadBalancer' }).healthCheckNodePort).toBe(32000);
    expect(only({ ...spec, type: 'NodePort' }).healthCheckNodePort).toBe(0);
    expect(only({ ...spec, type: 'LoadBalancer', externalTrafficPolicy: 'Cluster' }).healthCheckNodePort).toBe(0);
  });

  it.each([
    ['canonical, of the family', ['10.1.2.3/8', 'fd00::/64'], ['10.0.0.0/8']],
    ['none when one lets everyone in', ['10.0.0.0/8', '0.0.0.0/0'], []],
  ])('has source ranges: %s', (_, given, expected) => {
    const port = only({ type: 'LoadBalancer', loadBalancerSourceRanges: given }, [{ ip: '52.1.2.3' }]);
    expect(port).toMatchObject({ loadBalancerSourceRanges: expected, loadBalancerIPs: ['52.1.2.3'] });
  });

  it('answers on load-balancer IPs of mode VIP', () => {
    const ingress = [{ ip: '52.1.2.3' }, { ip: '52.1.2.4', ipMode: 'Proxy' }, { hostname: 'lb.example' }];
    set({ type: 'LoadBalancer' }, ingress);
    expect(update().plan.services.get('default/web')!.loadBalancerIPs).toEqual(['52.1.2.3']);
  });

  it("has addresses in the kernel's spelling", () => {
    set({ clusterIPs: ['FD00::0:20'], externalIPs: ['2001:DB8:0::1'] });
    const { plan } = new PlanMaker('IPv6', services, slices).update(NODE, services.take());
    const port = { clusterIP: 'fd00::20', externalIPs: ['2001:db8::1'] };
    expect(plan.services.get('default/web')).toMatchObject(port);
  });

  it('remembers clients for three hours when told no time', () => {
    expect(only({ sessionAffinity: 'ClientIP' }).affinitySeconds).toBe(10800);
    const sessionAffinityConfig = { clientIP: { timeoutSeconds: 60 } };
    expect(only({ sessionAffinity: 'ClientIP', sessionAffinityConfig }).affinitySeconds).toBe(60);
  });

  it.each<[IPFamily, string]>([
    ['IPv4', '10.96.0.20'],
    ['IPv6', 'fd00::20'],
  ])('of a dual-stack Service has its %s cluster IP', (family, expected) => {
    set({ clusterIPs: ['10.96.0.20', 'fd00::20'] });
    const { plan } = new PlanMaker(family, services, slices).update(NODE, services.take());
    expect([...plan.services.values()].map(({ clusterIP }) => clusterIP)).toEqual([expected]);
  });

  it('is not there in a family that the Service has no IP of', () => {
    set();
    expect(new PlanMaker('IPv6', services, slices).update(NODE, services.take()).plan.services.size).toBe(0);
  });
});

describe('an update', () => {
  it('names added, changed and removed service ports, with what they were', () => {
    const named = (name: string, port: number) => ({ name, port, protocol: 'TCP' as const });
    set({ ports: [named('a', 80), named('b', 81)] });
    expect([...update().changed]).toEqual(['default/web:a', 'default/web:b']);
    set({ ports: [named('a', 80), named('c', 82)] });
    const { changed, before, plan } = update();
    expect([...changed].sort()).toEqual(['default/web:b', 'default/web:c']);
    expect([...before].map(([id, { port }]) => [id, port])).toEqual([['default/web:b', 81]]);
    expect([...plan.services.keys()]).toEqual(['default/web:a', 'default/web:c']);
    services.delete('default/web');
    expect([...update().changed].sort()).toEqual(['default/web:a', 'default/web:c']);
  });

  it('names nothing when the outcome is the same', () => {
    set();
    update();
    set({ selector: { app: 'web' } });
    expect(update().changed.size).toBe(0);
  });

  it('decides about all Services again when the node is another', () => {
    set({ internalTrafficPolicy: 'Local' });
    update();
    const { changed, plan } = update({ ...NODE, nodeName: 'node-2' });
    expect([...changed]).toEqual(['default/web']);
    expect(ips(plan.services.get('default/web')!.localEndpoints)).toEqual(['10.244.2.5']);
  });

  it('leaves out a port that is malformed until it is mended, and tells once', () => {
    const named = (name: string) => ({ name, port: 80, protocol: 'TCP' as const });
    set({ ports: [named('a'), named('b; flush ruleset')] });
    const step = update();
    expect([...step.plan.services.keys()]).toEqual(['default/web:a']);
    expect(step.malformed.map(({ port, why }) => [port.id, why])).toEqual([
      ['default/web:b; flush ruleset', 'not a valid port name: "b; flush ruleset"'],
    ]);
    expect(update({ ...NODE, nodeName: 'node-2' }).malformed).toEqual([]);
    expect(maker.malformed).toHaveLength(1);
    set({ ports: [named('a'), named('b')] });
    expect([...update().changed]).toEqual(['default/web:b']);
    expect(maker.malformed).toEqual([]);
  });

  it('takes a port that becomes malformed out of the plan', () => {
    set();
    update();
    set({ ports: [{ port: 70_000, protocol: 'TCP' }] });
    const { plan, changed, malformed } = update();
    expect([plan.services.size, [...changed], malformed.length]).toEqual([0, ['default/web'], 1]);
  });

  it('survives a Service of which nothing can be read', () => {
    set({ ports: 80 as never });
    expect(update().malformed.map(({ port }) => port.id)).toEqual(['default/web']);
  });
});
