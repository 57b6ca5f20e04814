// A node that changes its proxy mode keeps nothing of the old one.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProxyMode } from '../../proxy/proxy.ts';
import { namespaceScript, type Script } from '../network.ts';
import type { SwitchOutcome } from './mode-switch.ts';

describe('a proxy started in another mode', () => {
  let script: Script;
  beforeAll(async () => {
    script = await namespaceScript('test/packets/mode-switch.ts');
  });
  afterAll(() => script?.remove());

  it.each<[ProxyMode, ProxyMode]>([
    ['iptables', 'nftables'],
    ['nftables', 'iptables'],
  ])('removes the rules of mode %s once those of mode %s stand', async (from, to) => {
    const { before, after } = await script.run<SwitchOutcome>({ from, to });
    expect(before[from].ofService).toBeGreaterThan(0);
    expect(before[to].own).toBe(0);
    expect(after[to].ofService).toBeGreaterThan(0);
    expect(after[from]).toEqual({ ofService: 0, own: 0 });
  });
});
