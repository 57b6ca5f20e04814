import { describe, expect, it } from 'vitest';
import { containerWantsRestart, duration, RestartBackoff, wantsRestart } from './restart-backoff.ts';

describe('waits between restarts', () => {
  it('are none at first, then 10 s doubled up to 5 min', () => {
    const backoff = new RestartBackoff();
    let now = 1_000_000;
    const waits = Array.from({ length: 8 }, () => {
      const remaining = backoff.remaining('c', now, now);
      now += remaining;
      backoff.restarted('c', now, now);
      return remaining / 1000;
    });
    expect(waits).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
    expect(backoff.wait('c')).toBe(300_000);
  });

  it('count from the end of the container, each container for itself', () => {
    const backoff = new RestartBackoff();
    backoff.restarted('c', 0, 0);
    expect(backoff.remaining('c', 50_000, 53_000)).toBe(7_000);
    expect(backoff.remaining('other', 50_000, 53_000)).toBe(0);
  });

  it('are forgotten after a run of more than 10 min', () => {
    const backoff = new RestartBackoff();
    backoff.restarted('c', 0, 0);
    backoff.restarted('c', 10, 10);
    expect(backoff.remaining('c', 600_011, 600_011)).toBe(0);
    backoff.restarted('c', 600_011, 600_011);
    expect(backoff.wait('c')).toBe(10_000);
  });
});

it.each([
  ['Always', 0, true],
  [undefined, 0, true],
  ['OnFailure', 0, false],
  ['OnFailure', 1, true],
  ['Never', 1, false],
] as const)('restartPolicy %s after exit code %d: restart %s', (policy, exitCode, expected) => {
  expect(wantsRestart(policy, exitCode)).toBe(expected);
});

it.each([
  [10_000, '10s'],
  [160_000, '2m40s'],
  [300_000, '5m0s'],
])('%d ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

describe("a container's own word on restarts", () => {
  const rule = (operator: string, values: number[]) => ({ action: 'Restart', exitCodes: { operator, values } });

  it.each([
    ['Never', {}, 1, false],
    ['Never', { restartPolicy: 'Always' }, 0, true],
    ['Always', { restartPolicy: 'Never' }, 1, false],
    ['Never', { restartPolicy: 'Never', restartPolicyRules: [rule('In', [42])] }, 42, true],
    ['Never', { restartPolicy: 'Never', restartPolicyRules: [rule('In', [42])] }, 1, false],
    ['Never', { restartPolicy: 'Never', restartPolicyRules: [rule('NotIn', [42])] }, 1, true],
  ])('in a pod of %s, %j after exit code %d: %s', (policy, container, exitCode, expected) => {
    expect(containerWantsRestart(policy, container, exitCode)).toBe(expected);
  });
});
