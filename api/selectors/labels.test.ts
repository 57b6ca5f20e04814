import { describe, expect, it } from 'vitest';
import { formatLabelSelector, labelSelectorOf, parseLabelSelector } from './labels.ts';

const LABELS = { app: 'web', tier: 'front', empty: '', weight: '10', 'example.com/x': 'y' };

describe('the text of a label selector', () => {
  it.each([
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app = web', true],
    ['app!=web', false],
    ['other!=web', true],
    ['app in (web, db)', true],
    ['app in (db)', false],
    ['app notin (db,cache)', true],
    ['other notin (db)', true],
    ['app', true],
    ['!app', false],
    ['!other', true],
    ['empty=', true],
    ['empty in ()', true],
    ['weight>9', true],
    ['weight<10', false],
    ['app>1', false],
    ['example.com/x=y,app in (web),!none', true],
    ['app=web,tier=back', false],
  ])('%j matches: %s', (text, matches) => {
    expect(parseLabelSelector(text).matches(LABELS)).toBe(matches);
  });

  it.each([
    ['app in', "unable to parse requirement: found '' expected: '('"],
    ['app in a', "unable to parse requirement: found 'a' expected: '('"],
    ['app value', "unable to parse requirement: found 'value', expected: in, notin, =, ==, !=, gt, lt"],
    ['app=web value', "found 'value', expected: ',' or 'end of string'"],
    ['app=web,', "found '', expected: identifier after ','"],
    ['=web', "found '=', expected: !, identifier, or 'end of string'"],
    ['app>x', 'must be an integer'],
    ['-app=web', 'name part must consist of'],
    ['app=not/ok', 'a valid label must be'],
  ])('%j is refused: %s', (text, words) => {
    expect(() => parseLabelSelector(text)).toThrow(words);
  });

  it('is never taken in by a prototype', () => {
    expect(parseLabelSelector('constructor').matches({})).toBe(false);
    expect(parseLabelSelector('toString').matches(undefined)).toBe(false);
  });
});

describe('a LabelSelector', () => {
  it('of null selects nothing, an empty one everything', () => {
    expect(labelSelectorOf(undefined).matches({})).toBe(false);
    expect(labelSelectorOf({}).matches({})).toBe(true);
  });

  it('wants all of its labels and expressions', () => {
    const selector = labelSelectorOf({
      matchLabels: { app: 'web' },
      matchExpressions: [
        { key: 'tier', operator: 'NotIn', values: ['back'] },
        { key: 'gone', operator: 'DoesNotExist' },
      ],
    });
    expect(selector.matches(LABELS)).toBe(true);
    expect(selector.matches({ ...LABELS, gone: '' })).toBe(false);
  });

  it('is printed in the order of its keys', () => {
    expect(formatLabelSelector({ matchLabels: { b: '2', a: '1' } })).toBe('a=1,b=2');
    expect(formatLabelSelector({ matchExpressions: [{ key: 'a', operator: 'In', values: ['y', 'x'] }] })).toBe(
      'a in (x,y)',
    );
    expect(formatLabelSelector({})).toBe('<none>');
  });
});
