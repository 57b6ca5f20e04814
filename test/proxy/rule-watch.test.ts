// What the kernel tells of deleted rules, in a network namespace of the test's own.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namespaceScript, type Script } from '../network.ts';
import type { Heard } from './rule-watch.script.ts';

describe('a watch over rules', () => {
  let script: Script;
  beforeAll(async () => {
    script = await namespaceScript('test/proxy/rule-watch.script.ts');
  });
  afterAll(() => script?.remove());

  it('hears of what it was asked for, and of nothing else', async () => {
    const [chain, set] = ['delete chain ip shop door', 'delete set ip shop ips'];
    expect(await script.run<Heard>({})).toEqual({
      'another table': [],
      'another chain and its rules': [],
      'a chain': [chain],
      'a set': [set],
      'a table': [chain, set, 'delete table ip shop'],
      "a rule of the kernel's chains": ['delete rule ip nat PREROUTING'],
    });
  });
});
