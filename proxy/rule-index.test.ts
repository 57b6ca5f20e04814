// From what stands in the kernel back to whose it is, as each backend tells it.
import { describe, expect, it } from 'vitest';
import { type Exec, ExecError } from '../host/exec.ts';
import type { Backend } from './backend.ts';
import { NODE, servicePort } from './plan.stand-ins.ts';
import type { Plan, ServicePort } from './plan.ts';
import { makeBackend, type ProxyMode } from './proxy.ts';

const WEB = servicePort('web', { clusterIP: '10.96.0.20', nodePort: 30_080 });
const STICKY = servicePort('sticky', { clusterIP: '10.96.0.21', affinitySeconds: 60 });
const EMPTY = servicePort('empty', { clusterIP: '10.96.0.22', clusterEndpoints: [], hasEndpoints: false });
const FENCED = servicePort('fenced', {
  clusterIP: '10.96.0.23',
  loadBalancerIPs: ['52.1.2.3'],
  loadBalancerSourceRanges: ['192.0.2.0/24'],
});

const planOf = (...ports: ServicePort[]): Plan => ({
  family: 'IPv4',
  node: NODE,
  services: new Map(ports.map((port) => [port.id, port])),
});

/** A kernel that takes everything; `written` is what it was told. */
function backendOf(mode: ProxyMode, written: string[]): Backend {
  const exec: Exec = (argv, options) => {
    if (options?.input) written.push(String(options.input));
    else if (argv[0] !== 'iptables-save') return Promise.reject(new ExecError(argv, 1, 'No such file or directory'));
    return Promise.resolve('');
  };
  return makeBackend(mode, 'IPv4', exec);
}

/** Names that belong to someone, as the kernel was told them. */
const NAMES: Readonly<Record<ProxyMode, (written: string) => string[]>> = {
  iptables: (written) => [...written.matchAll(/^:(KUBE-(?:SVC|SVL|EXT|FW|SEP)-\S+)/gm)].map(([, name]) => name),
  nftables: (written) => [
    ...[...written.matchAll(/^add chain \S+ \S+ ((?:sticky|firewall)-[0-9a-z-]*[0-9a-f]{16})$/gm)].map(
      ([, name]) => name,
    ),
    ...[...written.matchAll(/^add element \S+ \S+ ((?!cluster-ips|hairpin)\S+) \{ (.+) \}$/gm)].flatMap(
      ([, set, items]) => items.split(', ').map((item) => `${set} ${item.split(' : ')[0]}`),
    ),
  ],
};

describe.each<ProxyMode>(['iptables', 'nftables'])('the rule index of mode %s', (mode) => {
  const synced = async (...ports: ServicePort[]): Promise<{ backend: Backend; names: string[] }> => {
    const written: string[] = [];
    const backend = backendOf(mode, written);
    await backend.sync(planOf(...ports));
    return { backend, names: NAMES[mode](written.join('')) };
  };
  const owners = (backend: Backend, names: readonly string[]) => names.map((name) => backend.rules.find(name));

  it.each([WEB, STICKY, FENCED])('knows all that is written for $id, beside others', async (port) => {
    const alone = await synced(port);
    expect(alone.names.length).toBeGreaterThan(2);
    const { backend } = await synced(WEB, STICKY, EMPTY, FENCED);
    const found = owners(backend, alone.names);
    expect(new Set(found.map((owner) => owner?.servicePort))).toEqual(new Set([port.id]));
    const endpoints = new Set(found.map((owner) => owner?.endpoint).filter(Boolean));
    expect(endpoints).toEqual(new Set(['10.244.1.5:8080', '10.244.2.6:8080']));
  });

  it('follows changes', async () => {
    const { backend, names } = await synced(WEB, STICKY);
    const moved = { ...WEB, clusterEndpoints: [{ ip: '10.244.3.7', port: 8080, isLocal: false }] };
    await backend.sync(planOf(moved), new Set([WEB.id, STICKY.id]));
    const ids = new Set(owners(backend, names).map((owner) => owner?.servicePort));
    expect(ids).not.toContain(STICKY.id);
    const endpoints = new Set(owners(backend, names).map((owner) => owner?.endpoint));
    expect(endpoints).not.toContain('10.244.1.5:8080');
    await backend.sync(planOf(), new Set([WEB.id]));
    expect(owners(backend, names).filter(Boolean)).toEqual([]);
  });

  it.each([
    '',
    'PREROUTING',
    'KUBE-SVC-AAAAAAAAAAAAAAAA',
    'service-ips',
    'service-ips 10.96.0.99 . tcp . 80',
    'sticky-1',
  ])('knows nothing of %j', async (name) => {
    const { backend } = await synced(WEB, STICKY, EMPTY, FENCED);
    expect(backend.rules.find(name)).toBeUndefined();
  });
});

it('names who is refused in mode nftables', async () => {
  const backend = backendOf('nftables', []);
  await backend.sync(planOf(EMPTY));
  expect(backend.rules.find('no-endpoint-services 10.96.0.22 . tcp . 80')).toEqual({ servicePort: EMPTY.id });
});
