import { describe, expect, it } from 'vitest';
import { parseJson } from './json.ts';

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

  it('finds keys given twice, when asked', () => {
    const text = '{"metadata":{"name":"d","name":"e"},"spec":{"ports":[{"port":80,"port" : 81}]},"x":"\\":"}';
    expect(parseJson(text, { duplicates: true }).duplicates).toEqual(['metadata.name', 'spec.ports[0].port']);
    expect(parseJson(text).duplicates).toEqual([]);
    expect(parseJson('{"a":{"b":1},"c":{"b":1}}', { duplicates: true }).duplicates).toEqual([]);
  });

  it('gives the last of two', () => {
    expect(parseJson('{"a":1,"a":2}').value).toEqual({ a: 2 });
  });
});
