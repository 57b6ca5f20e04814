// What a real kernel refuses is found without anyone else being out of service for a moment.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProxyMode } from '../../proxy/proxy.ts';
import { namespaceScript, type Script } from '../network.ts';
import type { Isolation } from './isolation.script.ts';

describe.each<ProxyMode>(['iptables', 'nftables'])('a service port that the kernel refuses in mode %s', (mode) => {
  let script: Script;
  let outcome: Isolation;
  beforeAll(async () => {
    script = await namespaceScript('test/proxy/isolation.script.ts');
    outcome = await script.run<Isolation>({ mode });
  });
  afterAll(() => script?.remove());

  it('is found', () => {
    expect(Object.keys(outcome.refused)).toEqual(['default/service-7:http']);
    expect(Object.values(outcome.refused)[0]).toMatch(mode === 'nftables' ? /value too large/ : /out of range/);
  });

  it('takes with it no rule of another', () => {
    const about = (n: number): string[] =>
      outcome.deleted.filter((line) => new RegExp(`\\b(10\\.96\\.0\\.${n + 1}|service-${n}:http)\\b`).test(line));
    const touched = Array.from({ length: 40 }, (_, n) => n).filter((n) => about(n).length > 0);
    expect(touched).toEqual([7, 8]);
  });

  it('is left out, and what changed beside it is served', () => {
    const served = [...Array.from({ length: 40 }, (_, n) => n + 1)].filter((n) =>
      outcome.rules.includes(`10.96.0.${n}`),
    );
    expect(outcome.rules).not.toMatch(/\b10\.96\.0\.8\b/);
    expect(outcome.rules).toContain('8081');
    expect(served.length).toBe(39);
  });

  it('is asked for in a namespace that goes again', () => expect(outcome.namespaces).toBe(1));
});
