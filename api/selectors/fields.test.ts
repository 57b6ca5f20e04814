import { describe, expect, it } from 'vitest';
import { checkSelectable, parseFieldSelector } from './fields.ts';

describe('a field selector', () => {
  it.each([
    ['', true],
    ['metadata.name=web', true],
    ['metadata.name==web', true],
    ['metadata.name!=web', false],
    ['spec.nodeName=', true],
    ['metadata.name=web,status.phase!=Failed', true],
    ['odd=a\\,b\\=c\\\\', true],
  ])('%j matches: %s', (text, matches) => {
    const fields = { 'metadata.name': 'web', 'status.phase': 'Running', odd: 'a,b=c\\' };
    expect(parseFieldSelector(text).matches(fields)).toBe(matches);
  });

  it('refuses a term without an operator', () => {
    expect(() => parseFieldSelector('metadata.name')).toThrow(
      "invalid selector: 'metadata.name'; can't understand 'metadata.name'",
    );
  });

  it('says which fields a kind selects by', () => {
    const named = ['metadata.name', 'metadata.namespace'];
    const configMap = { group: '', kind: 'ConfigMap', selectableFields: named };
    const pod = { group: '', kind: 'Pod', selectableFields: [...named, 'spec.nodeName'] };
    const job = { group: 'batch', kind: 'Job', selectableFields: [...named, 'status.successful'] };
    expect(() => checkSelectable(parseFieldSelector('data.n=1'), configMap)).toThrow(
      '"data.n" is not a known field selector: only "metadata.name", "metadata.namespace"',
    );
    expect(() => checkSelectable(parseFieldSelector('spec.image=x'), pod)).toThrow(
      'field label not supported: spec.image',
    );
    expect(() => checkSelectable(parseFieldSelector('x=1'), job)).toThrow('field label "x" not supported for Job');
    expect(() => checkSelectable(parseFieldSelector('metadata.name=x'), configMap)).not.toThrow();
  });

  it('knows a lone name', () => {
    expect(parseFieldSelector('metadata.name=x').exact('metadata.name')).toBe('x');
    expect(parseFieldSelector('metadata.name!=x').exact('metadata.name')).toBeUndefined();
  });
});
