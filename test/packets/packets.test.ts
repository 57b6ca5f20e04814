// One suite of real packets for every backend: who answers, what source address they see, and what is refused.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROXY_MODES } from '../../proxy/proxy.ts';
import { namespaceScript, type Script } from '../network.ts';
import type { Outcome } from './scenarios.ts';
import { INTERNET, NODES, PODS } from './world.ts';

const ALL = ['pod-1', 'pod-2', 'pod-3'];

describe.each(PROXY_MODES)('packets through %s', (mode) => {
  let script: Script;
  let outcome: Outcome;

  beforeAll(async () => {
    script = await namespaceScript('test/packets/scenarios.ts');
    outcome = await script.run<Outcome>({ mode }, { timeoutMs: 110_000 });
  }, 120_000);
  afterAll(() => script?.remove());

  const answers = (name: string) => {
    const list = outcome.answers[name];
    expect(list, name).toBeDefined();
    return list;
  };
  const counts = (name: string): Record<string, number> => {
    const found: Record<string, number> = {};
    for (const { from, error } of answers(name)) found[from || error] = (found[from || error] ?? 0) + 1;
    return found;
  };
  const servers = (name: string): string[] => Object.keys(counts(name)).sort();
  const sources = (name: string): string[] => [...new Set(answers(name).map(({ seen }) => seen))].sort();

  it('spreads a cluster IP evenly', () => {
    const found = counts('cluster IP from a pod');
    expect(Object.keys(found).sort()).toEqual(ALL);
    // 150 requests: 50 each; four standard deviations are 23.
    for (const count of Object.values(found)) expect(Math.abs(count - 50)).toBeLessThan(24);
  });
  it("keeps a pod's address", () => expect(sources('cluster IP from a pod')).toEqual([PODS.client.ip]));
  it('serves a cluster IP to a node', () => expect(servers('cluster IP from a node')).toEqual(ALL));

  it.each(['node-1', 'node-2'] as const)('serves a node port on %s, masqueraded', (node) => {
    expect(servers(`node port of ${node}`)).toEqual(ALL);
    expect(sources(`node port of ${node}`)).not.toContain(INTERNET);
  });

  it('lets a pod reach itself through its service', () => {
    expect(counts('pod through its own service')).toEqual({ 'pod-1': 5 });
    expect(sources('pod through its own service')).toEqual([`${NODES['node-1'].subnet}.1`]);
  });

  it.each([
    'no endpoints, from a pod',
    'no endpoints, from a node',
    'no endpoints, node port',
    'its last endpoint gone',
  ])('refuses at once: %s', (name) => {
    const [{ error, ms }] = answers(name);
    expect(error).toContain('refused');
    expect(ms).toBeLessThan(500);
  });

  it('keeps the client address with external policy Local', () => {
    expect(servers('policy Local, node with an endpoint')).toEqual(['pod-3']);
    expect(sources('policy Local, node with an endpoint')).toEqual([INTERNET]);
  });
  it('drops with external policy Local and no endpoint here', () => {
    expect(answers('policy Local, node without')[0].from).toBe('');
    expect(answers('policy Local, node without')[0].error).not.toContain('refused');
  });
  it("short-cuts the cluster's own traffic with external policy Local", () =>
    expect(servers('policy Local, from a pod of a node without')).toEqual(['pod-3']));
  it('stays on the node with internal policy Local', () =>
    expect(servers('internal policy Local')).toEqual(['pod-1', 'pod-2']));
  it.each(['affinity, cluster IP', 'affinity, node port'])('stays with one endpoint: %s', (name) => {
    expect(servers(name)).toHaveLength(1);
    expect(ALL).toContain(servers(name)[0]);
  });
  it.each(['UDP', 'UDP node port'])('serves %s', (name) => expect(counts(name)).toEqual({ 'pod-2': 5 }));
  it('serves external IPs, masqueraded', () => {
    expect(ALL).toEqual(expect.arrayContaining(servers('external IP')));
    expect(sources('external IP')).not.toContain(INTERNET);
  });
  it('fences load-balancer IPs by source ranges', () => {
    expect(ALL).toEqual(expect.arrayContaining(servers('load balancer, allowed')));
    expect(answers('load balancer, not allowed')[0].from).toBe('');
  });
  it('leads UDP clients away from an endpoint that is gone', () => {
    expect(servers('UDP client that keeps its port')).toEqual(['pod-2']);
    expect(servers('the same after its endpoint was replaced')).toEqual(['pod-1']);
  });

  it.each(['an endpoint less', 'an endpoint less, node port'])('follows %s', (name) =>
    expect(servers(name)).toEqual(['pod-1', 'pod-3']),
  );
  it.each(['a first endpoint', 'a first endpoint, node port'])('follows %s', (name) =>
    expect(counts(name)).toEqual({ 'pod-2': 3 }),
  );
  it.each(['a deleted service', 'a deleted service, node port'])('does not serve %s', (name) =>
    expect(answers(name)[0].from).toBe(''),
  );

  it('finds nothing to repair after all that', () => {
    for (const { before, after } of outcome.stable) expect(after).toBe(before);
    expect(outcome.stable[0].before).toContain('10.96.0.20');
  });
  it('takes over after a restart', () => expect(counts('after a restart')).toEqual({ 'pod-3': 20 }));
  it('tells which service and endpoint a rule is for', () => {
    expect(outcome.traced).toContain('{"servicePort":"default/web"}');
    expect(outcome.traced).toContain('{"servicePort":"default/web","endpoint":"10.244.2.13:8080"}');
  });
  it('notices a flush and repairs it within a second', () => expect(outcome.recovery).toBeLessThan(1000));
  it('leaves nothing after cleanup', () => expect(outcome.leftovers).toBe(''));
});
