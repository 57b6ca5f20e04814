import { describe, expect, it } from 'vitest';
import { renderLink } from '../host/links.ts';
import { addressesOf, IPV4, IPV6 } from './addresses.ts';
import { BALANCER, firstNodes, INTERNET, MAX_NODES, nodeName, planNetwork, planNode, WIRE } from './network.ts';

const linesOf = (netns: string, nodes: readonly number[]): string[] =>
  planNetwork(nodes)
    .find((site) => site.netns === netns)!
    .links.map(renderLink);

describe('the network plan', () => {
  it('names nodes and gives addresses by their index', () => {
    expect([nodeName(3), IPV4.node(3), IPV4.podCIDR(3)]).toEqual(['node-3', '192.168.1.12', '10.244.3.0/24']);
    expect([IPV6.node(3), IPV6.podCIDR(17)]).toEqual(['fd00:192:168:1::12', 'fd00:10:244:11::/64']);
    expect(firstNodes(3)).toEqual([1, 2, 3]);
  });

  it('hangs every node on one bridge, whose address is their way out', () => {
    expect(linesOf(WIRE, [1, 3])).toEqual([
      'link set dev lo up',
      'link add name wire0 type bridge',
      'address replace 192.168.1.1/24 dev wire0',
      'link set dev wire0 up',
      'link add name balancer type veth peer name eth0 netns balancer',
      'address replace 198.51.100.1/30 dev balancer',
      'link set dev balancer up',
      'route replace unicast 203.0.113.0/24 via 198.51.100.2',
      'route replace unicast 52.1.2.0/24 via 198.51.100.2',
      'link add name node-1 type veth peer name eth0 netns node-1',
      'link set dev node-1 master wire0',
      'link set dev node-1 up',
      'link add name node-3 type veth peer name eth0 netns node-3',
      'link set dev node-3 master wire0',
      'link set dev node-3 up',
    ]);
    expect(linesOf('node-3', [1, 3])).toEqual([
      'link set dev lo up',
      'address replace 192.168.1.12/24 dev eth0',
      'link set dev eth0 up',
      'route replace unicast default via 192.168.1.1',
    ]);
  });

  it('puts the balancer between the gateway and the outside, and gives it the public addresses', () => {
    expect(linesOf(BALANCER, [1])).toEqual([
      'link set dev lo up',
      'route replace local 52.1.2.0/24 dev lo',
      'address replace 198.51.100.2/30 dev eth0',
      'link set dev eth0 up',
      'route replace unicast 192.168.1.0/24 via 198.51.100.1',
      'link add name internet type veth peer name eth0 netns internet',
      'address replace 203.0.113.1/24 dev internet',
      'link set dev internet up',
    ]);
  });

  it('puts the outside client beyond the balancer, and has it forward nothing', () => {
    expect(linesOf(INTERNET, [1])).toEqual([
      'link set dev lo up',
      'address replace 203.0.113.100/24 dev eth0',
      'link set dev eth0 up',
      'route replace unicast default via 203.0.113.1',
    ]);
    const forwarding = planNetwork([1]).map(({ netns, sysctls }) => [netns, sysctls['net/ipv4/ip_forward'] ?? 0]);
    expect(Object.fromEntries(forwarding)).toEqual({ wire: 1, balancer: 1, internet: 0, 'node-1': 1 });
  });

  it('plans a node that comes later as if it had been there from the start', () => {
    const { site, uplink } = planNode(2);
    expect(planNetwork([1, 2]).at(-1)).toEqual(site);
    expect(linesOf(WIRE, [1, 2])).toEqual([...linesOf(WIRE, [1]), ...uplink.map(renderLink)]);
  });

  it('gives every place a second address where both families are asked for, and changes nothing else', () => {
    for (const site of planNetwork([1, 3], 'dual')) {
      const only = planNetwork([1, 3])
        .find(({ netns }) => netns === site.netns)!
        .links.map(renderLink);
      const lines = site.links.map(renderLink);
      expect(lines.filter((line) => !line.includes(':'))).toEqual(only);
      expect(lines.some((line) => / (fd00|2001:db8):/.test(line))).toBe(true);
    }
  });

  it('is the same network in either family', () => {
    const [four, six] = (['ipv4', 'ipv6'] as const).map((families) =>
      planNetwork([1, 3], families).map(({ links }) => links.map((link) => link.op)),
    );
    expect(six).toEqual(four);
    expect(planNode(3, 'ipv6').site.links.map(renderLink)).toEqual([
      'link set dev lo up',
      'address replace fd00:192:168:1::12/64 dev eth0 nodad',
      'link set dev eth0 up',
      'route replace unicast ::/0 via fd00:192:168:1::1',
    ]);
    expect(addressesOf('dual').map(({ gateway }) => gateway)).toEqual([IPV4.gateway, IPV6.gateway]);
  });

  it('has room for as many nodes as there may be: no address and no name twice', () => {
    const sites = planNetwork(firstNodes(MAX_NODES));
    const addresses = sites.flatMap(({ links }) => links.flatMap((link) => ('address' in link ? [link.address] : [])));
    expect(sites.length).toBe(MAX_NODES + 3);
    expect(new Set(sites.map(({ netns }) => netns)).size).toBe(sites.length);
    expect(new Set(addresses).size).toBe(addresses.length);
    expect(
      addresses.every((address) =>
        /^(192\.168\.1\.\d{1,2}\/24|203\.0\.113\.(1|100)\/24|198\.51\.100\.[12]\/30)$/.test(address!),
      ),
    ).toBe(true);
    expect(planNetwork(firstNodes(MAX_NODES)).flatMap(({ links }) => links.map(renderLink)).length).toBeGreaterThan(
      100,
    );
  });
});
