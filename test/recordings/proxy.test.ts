// Every recorded case of the real kube-proxy in iptables mode: the same objects must give the same rules in this kernel.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namespaceScript, type Script } from '../network.ts';
import type { CaseInput, CaseOutput } from './proxy-case.ts';

const FOLDER = new URL('../golden/proxy/', import.meta.url);

/** Cases that are not passed yet, each with its reason. */
const SHORTFALLS: Readonly<Record<string, string>> = {};

interface RecordedCase extends Omit<CaseInput, 'steps' | 'preload'> {
  name: string;
  preload?: string[];
  steps?: (CaseInput['steps'][number] & { expect?: object })[];
}

interface Compare {
  parse(text: string, options: object): Map<string, unknown>;
  diff(expected: Map<string, unknown>, actual: Map<string, unknown>): string[];
  expectation(recorded: RecordedCase, options: object): Map<string, unknown>;
  objectsOf(recorded: RecordedCase): CaseInput['objects'];
}

const hasNfacct = ['/usr/sbin/nfacct', '/sbin/nfacct'].some((path) => existsSync(path));

describe('iptables rules as the real kube-proxy writes them', () => {
  let script: Script;
  let compare: Compare;

  beforeAll(async () => {
    script = await namespaceScript('test/recordings/proxy-case.ts');
    compare = (await import(new URL('compare.mjs', FOLDER).href)) as Compare;
  });
  afterAll(() => script?.remove());

  const files = readdirSync(new URL('cases/', FOLDER)).sort();
  it('has cases', () => expect(files.length).toBeGreaterThan(30));

  for (const file of files) {
    const name = file.replace('.json', '');
    const skip = SHORTFALLS[name];
    it.skipIf(skip !== undefined)(skip ? `${name} (${skip})` : name, async () => {
      const recorded = JSON.parse(readFileSync(new URL(`cases/${file}`, FOLDER), 'utf8')) as RecordedCase;
      const { config, preload = [], steps = [] } = recorded;
      const input: CaseInput = { config, preload, objects: compare.objectsOf(recorded), steps };
      const states = await script.run<CaseOutput>(input);
      expect(states.length).toBe(steps.length + 1);
      for (const [step, state] of states.entries()) {
        for (const [family, key] of [
          [4, 'iptablesSave'],
          [6, 'ip6tablesSave'],
        ] as const) {
          const expected = step === 0 ? (recorded as { expect?: object }).expect : steps[step - 1].expect;
          if (!expected || !(key in expected)) continue;
          const options = { step, family, nfacct: hasNfacct };
          const lines = compare.diff(compare.expectation(recorded, options), compare.parse(state[key], options));
          expect(lines, `IPv${family}, after step ${step}`).toEqual([]);
        }
      }
    });
  }
});
