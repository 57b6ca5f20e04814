import { describe, expect, it } from 'vitest';
import { ExecError } from './exec.ts';
import { applyLinks, isCIDR, type LinkChange, renderLink, setSysctls } from './links.ts';
import { addNetns, inNetns, netnsPath } from './netns.ts';

const RENDERED: [LinkChange, string][] = [
  [{ op: 'add-bridge', name: 'cni0', mtu: 1450 }, 'link add name cni0 mtu 1450 type bridge'],
  [
    { op: 'add-veth', name: 'veth1', peer: 'eth0', peerNetns: 'pod-a', peerMac: '02:00:00:00:00:01' },
    'link add name veth1 type veth peer name eth0 address 02:00:00:00:00:01 netns pod-a',
  ],
  [{ op: 'add-address', name: 'cni0', address: '10.244.1.1/24' }, 'address replace 10.244.1.1/24 dev cni0'],
  [{ op: 'add-route', to: 'default', via: '192.168.1.1' }, 'route replace unicast default via 192.168.1.1'],
  [
    { op: 'add-route', to: '10.244.2.0/24', via: '192.168.1.11', dev: 'eth0' },
    'route replace unicast 10.244.2.0/24 via 192.168.1.11 dev eth0',
  ],
  [{ op: 'up', name: 'lo' }, 'link set dev lo up'],
];

const REFUSED: LinkChange[] = [
  { op: 'up', name: 'eth0\nlink delete dev eth0' },
  { op: 'up', name: '-all' },
  { op: 'up', name: 'sixteen-letters-' },
  { op: 'add-address', name: 'eth0', address: '10.244.1.1' },
  { op: 'add-address', name: 'eth0', address: '10.244.1.1/33' },
  { op: 'add-route', to: 'default', via: '192.168.1.1 dev lo' },
  { op: 'add-route', to: '10.0.0.0/8;', via: '192.168.1.1' },
  { op: 'add-veth', name: 'a', peer: 'b', peerNetns: '../x' },
  { op: 'add-bridge', name: 'a', mac: 'up' },
];

describe('link changes', () => {
  it.each(RENDERED)('render %j', (change, line) => expect(renderLink(change)).toBe(line));
  it.each(REFUSED)('refuse %j', (change) => expect(() => renderLink(change)).toThrow(/^not an? /));

  it('go to one run of ip in the namespace, and name the line that failed', async () => {
    const seen: unknown[] = [];
    const exec = async (argv: readonly string[], options?: { input?: string | Buffer }): Promise<string> => {
      seen.push(argv, options?.input);
      throw new ExecError(argv, 1, 'Cannot find device "eth7"\nCommand failed -:2\n');
    };
    const changes: LinkChange[] = [
      { op: 'up', name: 'lo' },
      { op: 'up', name: 'eth7' },
    ];
    await expect(applyLinks(changes, { netns: '/run/netns/node-1', exec })).rejects.toThrow(
      'ip link set dev eth7 up: Cannot find device "eth7"',
    );
    expect(seen).toEqual([
      ['nsenter', '--net=/run/netns/node-1', '--', 'ip', '-batch', '-'],
      'link set dev lo up\nlink set dev eth7 up\n',
    ]);
  });
});

describe('names and addresses', () => {
  it('tells a CIDR from what only looks like one', () => {
    expect(['10.0.0.0/8', 'fd00::/64', '0.0.0.0/0'].every(isCIDR)).toBe(true);
    expect(['10.0.0.0', '10.0.0.0/33', '10.0.0/8', 'fd00::/129', '1.2.3.4/8/8', '1.2.3.4/', 'a/8'].some(isCIDR)).toBe(
      false,
    );
  });

  it('renders overlays: devices, neighbours, routes by an address that is only there', () => {
    const mac = '02:00:c0:a8:01:0b';
    const changes: LinkChange[] = [
      { op: 'add-vxlan', name: 'vxlan0', id: 1, local: '192.168.1.10', dev: 'eth0', mac, mtu: 1450 },
      { op: 'add-address', name: 'vxlan0', address: 'fd00:10:244:1::/128' },
      { op: 'add-neighbour', name: 'vxlan0', address: '10.244.2.0', mac },
      { op: 'add-route', to: '10.244.2.0/24', via: '10.244.2.0', dev: 'vxlan0', onlink: true },
      { op: 'delete-neighbour', name: 'vxlan0', address: '10.244.2.0' },
    ];
    expect(changes.map(renderLink)).toEqual([
      `link add name vxlan0 address ${mac} mtu 1450 type vxlan id 1 local 192.168.1.10 dev eth0 dstport 4789 nolearning`,
      'address replace fd00:10:244:1::/128 dev vxlan0 nodad',
      `neighbour replace 10.244.2.0 lladdr ${mac} dev vxlan0 nud permanent`,
      'route replace unicast 10.244.2.0/24 via 10.244.2.0 dev vxlan0 onlink',
      'neighbour delete 10.244.2.0 dev vxlan0',
    ]);
    expect(() => renderLink({ ...(changes[0] as LinkChange & { op: 'add-vxlan' }), id: 2 ** 24 })).toThrow(
      'not a VXLAN',
    );
    expect(() => renderLink({ op: 'add-neighbour', name: 'eth0', address: '10.0.0.1', mac: 'x dev y' })).toThrow(
      'not a MAC',
    );
  });

  it('keeps namespace names inside /run/netns', () => {
    expect(netnsPath('pod-0b3c')).toBe('/run/netns/pod-0b3c');
    for (const name of ['', '..', '../x', 'a/b', '-n', 'a b', 'a\nb']) expect(() => netnsPath(name)).toThrow('not a');
    expect(() => inNetns('node-1', ['true'])).toThrow('not the path');
  });

  it('makes several namespaces in one run', async () => {
    const inputs: unknown[] = [];
    await addNetns(['a', 'b'], async (_argv, options) => {
      inputs.push(options?.input);
      return '';
    });
    expect(inputs).toEqual(['netns add a\nnetns add b\n']);
  });

  it('refuses a sysctl outside its tree', async () => {
    await expect(setSysctls({ 'net/../../etc/passwd': 1 })).rejects.toThrow('not a sysctl');
  });
});
