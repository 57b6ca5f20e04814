// Nodes change their proxy's mode under load: nothing that is open breaks, and nothing new fails.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VITRINE } from '../harness/apiserver.ts';
import { namespaceScript, type Script } from '../network.ts';
import type { Phase, SwitchInput } from './live-switch.script.ts';

const STEPS = [
  'iptables to nftables',
  'nftables to iptables',
  // Whoever cleans up first serves nothing new for a while.
  'iptables, --cleanup, nftables',
  'nftables, --cleanup, iptables',
];

describe('a change of the proxy mode under load', () => {
  let script: Script;
  let phases: Phase[];
  beforeAll(async () => {
    script = await namespaceScript('test/packets/live-switch.script.ts');
    const input: SwitchInput = { program: { argv: [process.execPath, VITRINE, 'proxy'], isUpstream: false } };
    phases = await script.run<Phase[]>(input, { timeoutMs: 120_000 });
  }, 130_000);
  afterAll(() => script?.remove());

  const phase = (about: string): Phase => phases.find((one) => one.about === about)!;

  it.each(STEPS)('breaks no open connection: %s', (about) => {
    const { before, after } = phase(about);
    expect(Object.keys(after).length).toBe(22);
    const wrong = Object.entries(after).filter(
      ([id, { echoed, error }]) => error !== '' || echoed <= before[id].echoed,
    );
    expect(wrong).toEqual([]);
  });

  it.each(STEPS.slice(0, 2))('fails no new connection: %s', (about) => {
    const { connections, failures } = phase(about);
    expect(connections).toBeGreaterThan(500);
    expect(failures).toEqual([]);
  });

  it.each(STEPS)('leaves nothing of the mode before: %s', (about) => expect(phase(about).left).toEqual([]));
});
