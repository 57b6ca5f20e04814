// Whether a backend notices what others did to its rules, without calling its own work damage.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProxyMode } from '../../proxy/proxy.ts';
import { namespaceScript, type Script } from '../network.ts';
import type { Noticed } from './drift.script.ts';

describe.each<ProxyMode>(['iptables', 'nftables'])('looking for drift in mode %s', (mode) => {
  let script: Script;
  let noticed: Noticed;
  beforeAll(async () => {
    script = await namespaceScript('test/proxy/drift.script.ts');
    noticed = await script.run<Noticed>({ mode });
  });
  afterAll(() => script?.remove());

  it('tells nothing before a sync', () => expect(noticed['nothing synced yet']).toBeNull());

  it.each(['everything synced', 'everything changed', 'changed back', 'rules of others'])('finds none: %s', (about) =>
    expect(noticed[about]).toBe(true),
  );

  it('does not take a change that comes meanwhile for drift', () =>
    expect(noticed['changed meanwhile']).not.toBe(false));

  it('finds all damage, and a sync repairs it', () => {
    const repaired = Object.keys(noticed).filter((about) => about.endsWith(', repaired'));
    expect(repaired.length).toBeGreaterThan(6);
    for (const about of repaired) {
      expect(noticed[about.replace(', repaired', '')], about).toBe(false);
      expect(noticed[about], about).toBe(true);
    }
  });
});
