import { describe, expect, it } from 'vitest';
import { duplicatesAmong, parseJson } from './json.ts';

describe('JSON', () => {
  it.each([
    ['', 'unexpected end of JSON input'],
    ['{"a":', 'unexpected end of JSON input'],
    ['{"a":"b', 'unexpected end of JSON input'],
    ['hello', "invalid character 'h' looking for beginning of value"],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{"a":1}x', "invalid character 'x' after top-level value"],
    ['nul', 'unexpected end of JSON input'],
    ['nulx', "invalid character 'x' in literal null (expecting 'l')"],
    ['-x', "invalid character 'x' in numeric literal"],
    ['1.x', "invalid character 'x' after decimal point in numeric literal"],
    ['"\\q"', "invalid character 'q' in string escape code"],
    ['"\n"', "invalid character '\\n' in string literal"],
    ['[1,]', "invalid character ']' looking for beginning of value"],
  ])('%j: %s', (text, words) => {
    expect(() => parseJson(text)).toThrow(words);
  });

  const duplicates = (text: string): string[] => duplicatesAmong(parseJson(text, { duplicates: true }).keys);

  it.each([
    ['{"metadata":{"name":"d","name":"e"},"x":"\\":"}', ['metadata.name']],
    ['{"spec":{"ports":[{"port":80,"port" : 81,"port":82},{"port":1}]}}', ['spec.ports[0].port']],
    ['{"a":{"b":1},"a":{"b":2}}', ['a']],
    ['{"a":{"b":1},"c":{"b":1}}', []],
  ])('finds the keys given twice in %s: %j', (text, expected) => {
    expect(duplicates(text)).toEqual(expected);
    expect(parseJson(text).keys).toEqual([]);
  });

  it('has a bottom', () => {
    const nested = (depth: number): string => `${'{"a":['.repeat(depth / 2)}${']}'.repeat(depth / 2)}`;
    expect(() => parseJson(nested(2002))).toThrow('exceeded max depth');
    expect(() => parseJson(`${'['.repeat(1e6)}`)).toThrow('exceeded max depth');
    expect(parseJson(nested(2000), { duplicates: true }).keys).toEqual([]);
    expect(parseJson(`["${'[\\"'.repeat(5000)}"]`).value).toHaveLength(1);
  });

  it('gives the last of two', () => {
    expect(parseJson('{"a":1,"a":2}').value).toEqual({ a: 2 });
  });
});
