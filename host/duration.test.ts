import { describe, expect, it } from 'vitest';
import { durationFlag, parseDuration } from './duration.ts';

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['500ms', 500],
    ['90s', 90_000],
    ['1m30s', 90_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['2m5ms', 120_005],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '5', '-1s', '1d', 's', '1 s', '1s!'])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe('durationFlag', () => {
  it('reads its default too', () => {
    expect(durationFlag('5m').parse(undefined)).toBe(300_000);
  });

  it('says what a duration looks like', () => {
    const { error } = durationFlag('5m').safeParse('5 minutes');
    expect(error?.issues[0].message).toBe('"5 minutes" is not a duration such as 500ms, 90s or 1h30m');
  });
});
