import { describe, expect, it } from 'vitest';
import { parseQuantity, QuantityError } from './quantity.ts';

describe('a quantity', () => {
  it.each([
    ['0', '0'],
    ['100m', '100m'],
    ['1000m', '1'],
    ['0.5', '500m'],
    ['.5', '500m'],
    ['1.5Gi', '1536Mi'],
    ['1024Mi', '1Gi'],
    ['0.5Ki', '512'],
    ['1e3', '1e3'],
    ['12e-1', '1200e-3'],
    ['1000k', '1M'],
    ['-2', '-2'],
    ['1n', '1n'],
    ['0.1n', '1n'],
    ['5E', '5E'],
  ])('%s is written %s', (text, canonical) => {
    expect(parseQuantity(text).toString()).toBe(canonical);
  });

  it.each(['', 'lots', '1.2.3', '1 Gi', '1kk', '--1', '.', 'Gi'])('refuses %j', (text) => {
    expect(() => parseQuantity(text)).toThrow(QuantityError);
  });

  it('compares across units', () => {
    expect(parseQuantity('1Gi').compare(parseQuantity('1G'))).toBeGreaterThan(0);
    expect(parseQuantity('1000m').compare(parseQuantity('1'))).toBe(0);
    expect(parseQuantity('1e-9').compare(parseQuantity('2n'))).toBeLessThan(0);
  });

  it('rounds up to whole units', () => {
    expect(parseQuantity('1500m').value).toBe(2);
    expect(parseQuantity('1500u').milliValue).toBe(2);
    expect(parseQuantity('100m').add(parseQuantity('1')).toString()).toBe('1100m');
  });
});
