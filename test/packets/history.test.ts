// Whatever happens to a cluster, and whenever a proxy is killed: rules made step by step are the rules made from nothing, and no connection
// to a live endpoint fails on the way. `HISTORY_SEED` plays another history.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VITRINE } from '../harness/apiserver.ts';
import { namespaceScript, type Script } from '../network.ts';
import type { Comparison, HistoryInput, HistoryOutput } from './history.script.ts';
import type { KernelState } from './kernel-state.ts';
import type { Mode } from './proxies.ts';

const MODES: readonly Mode[] = ['iptables', 'nftables'];
const SEED = Number(process.env.HISTORY_SEED ?? 1);
const ROUNDS = Number(process.env.HISTORY_ROUNDS ?? 8);

interface Compare {
  parse(text: string): Map<string, unknown>;
  diff(expected: Map<string, unknown>, actual: Map<string, unknown>): string[];
}

/** What one kernel holds and the other does not. */
async function differences(expected: KernelState, actual: KernelState): Promise<string[]> {
  if (expected.mode === 'iptables') {
    const { parse, diff } = (await import(new URL('../golden/proxy/compare.mjs', import.meta.url).href)) as Compare;
    return expected.texts.flatMap((text, at) => diff(parse(text), parse(actual.texts[at])));
  }
  return expected.texts.flatMap((text, at) => {
    const [want, have] = [text.split('\n'), actual.texts[at].split('\n')];
    const missing = want.filter((line) => !have.includes(line)).map((line) => `- ${line}`);
    return [...missing, ...have.filter((line) => !want.includes(line)).map((line) => `+ ${line}`)];
  });
}

describe.each(MODES)(`a random history (seed ${SEED}) through %s`, (mode) => {
  let script: Script;
  let output: HistoryOutput;

  beforeAll(async () => {
    script = await namespaceScript('test/packets/history.script.ts');
    const program = { argv: [process.execPath, VITRINE, 'proxy'], isUpstream: false };
    const input: HistoryInput = { mode, program, seed: SEED, rounds: ROUNDS };
    output = await script.run<HistoryOutput>(input, { timeoutMs: 290_000 });
  }, 300_000);
  afterAll(() => script?.remove());

  const check = async (of: (one: Comparison) => boolean): Promise<void> => {
    const compared = output.comparisons.filter(of);
    expect(compared.length).toBeGreaterThan(1);
    for (const { round, node, stepByStep, fromScratch } of compared) {
      // Two empty kernels would be the same too.
      expect(
        fromScratch.texts.every((text) => text.includes('30090')),
        `round ${round}`,
      ).toBe(true);
      expect(await differences(fromScratch, stepByStep), `seed ${SEED}, round ${round}, ${node}`).toEqual([]);
    }
  };

  it('makes the same rules step by step as from nothing', () => check(({ wasKilled }) => !wasKilled));
  it('makes them after kill -9 too, and leaves nothing stale', () => check(({ wasKilled }) => wasKilled));
  it('never fails a connection to a live endpoint', () => {
    expect(output.connections).toBeGreaterThan(100);
    expect(output.failures, `seed ${SEED}`).toEqual([]);
  });
});
