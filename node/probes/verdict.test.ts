import { expect, it } from 'vitest';
import { Verdict } from './verdict.ts';

/** `+` success, `-` failure → the verdict after each. */
const after = (verdict: Verdict, results: string): boolean[] =>
  [...results].map((result) => {
    verdict.record(result === '+');
    return verdict.healthy;
  });

it('changes after as many results in a row as the threshold says', () => {
  const verdict = new Verdict({ initially: true, failureThreshold: 3, successThreshold: 2 });
  expect(after(verdict, '--+---+-++')).toEqual([true, true, true, true, true, false, false, false, false, true]);
});

it('has upstream defaults: 3 failures, 1 success', () => {
  expect(after(new Verdict({ initially: false }), '-+--+---')).toEqual([
    false,
    true,
    true,
    true,
    true,
    true,
    true,
    false,
  ]);
});

it('tells a decision from a result below the threshold', () => {
  const verdict = new Verdict({ initially: true, failureThreshold: 2 });
  expect([false, false, false, true].map((success) => verdict.record(success))).toEqual([
    undefined,
    false,
    false,
    true,
  ]);
});
