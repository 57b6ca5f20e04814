// What upstream's compiler says of expressions, recorded from kube-apiserver v1.36.3, and how far ours says the same.
import { describe, expect, it } from 'vitest';
import { BOOL, type CelType, checkExpression, DYN, type Scope } from './check.ts';

const PERSON: CelType = { name: 'Person', fields: { name: { name: 'string' }, friends: undefined } };
const SCOPE: Scope = {
  variables: new Map<string, CelType>([
    ['object', DYN],
    ['isNew', BOOL],
    ['me', PERSON],
  ]),
};

const first = (text: string, returns: readonly string[] = ['bool'], scope = SCOPE): string | undefined =>
  checkExpression(text, scope, returns)?.split('\n')[0];

describe('an expression that can be meant', () => {
  it.each([
    'isNew',
    'object.spec.replicas <= 5 && !isNew',
    'has(object.metadata.labels) ? object.metadata.labels["a/b"] == \'c\' : true',
    'object.spec.containers.all(c, c.image.startsWith("a") || c.name in ["x", "y",])',
    'object.items.exists_one(i, v, i == 0 && v.size() > 1u)',
    'object.spec.map(x, x > 1, x * 2).size() == 0x10',
    'quantity("1Gi").isGreaterThan(quantity("5M"))',
    'sets.contains([1, 2], [2]) && ip("10.0.0.1").family() == 4',
    'object.?spec.?name.orValue("") == r"\\d" + """a\nb"""',
    'object.`a-b` == {"k": [1.5, -2e3, b"\\x00", null]}.k // and so on',
    'me.friends.filter(f, f.age > me.name.size()).size() == 0',
    '(((true)))',
    'type(object) == map',
  ])('%s', (text) => {
    expect(first(text)).toBeUndefined();
  });
});

describe('an expression that cannot be meant', () => {
  it.each([
    ['x', "compilation failed: ERROR: <input>:1:1: undeclared reference to 'x' (in container '')"],
    ['isNew && other(1)', "compilation failed: ERROR: <input>:1:15: undeclared reference to 'other' (in container '')"],
    ['me.age == 1', "compilation failed: ERROR: <input>:1:3: undefined field 'age'"],
    ['Not_Valid!', "compilation failed: ERROR: <input>:1:10: Syntax error: extraneous input '!' expecting <EOF>"],
    ['"a', "compilation failed: ERROR: <input>:1:1: Syntax error: token recognition error at: '\"'"],
    ['for', 'compilation failed: ERROR: <input>:1:1: Syntax error: reserved identifier: for'],
    ['"a" + "b"', 'must evaluate to bool but got string'],
    ['object.a', 'must evaluate to bool but got dyn'],
    [
      '1 == "1"',
      "compilation failed: ERROR: <input>:1:3: found no matching overload for '_==_' applied to '(int, string)'",
    ],
    ['Object{}', "compilation failed: ERROR: <input>:1:7: undeclared reference to 'Object' (in container '')"],
    ['[1].all(1, true)', 'compilation failed: ERROR: <input>:1:9: argument must be a simple name'],
  ])('%s', (text, why) => {
    expect(first(text)).toBe(why);
  });

  it('shows the place below the line', () => {
    expect(checkExpression('true &&\n  x', SCOPE, ['bool'])).toBe(
      "compilation failed: ERROR: <input>:2:3: undeclared reference to 'x' (in container '')\n |   x\n | ..^",
    );
  });

  it.each([
    ['nested too deep', `${'('.repeat(500)}1${')'.repeat(500)}`],
    ['too long a row', `1${'+1'.repeat(2000)}`],
    ['too many signs', `${'!'.repeat(2000)}true`],
    ['too many members', `object${'.a'.repeat(2000)}`],
  ])('is refused when it is %s, and breaks nothing', (_, text) => {
    expect(first(text)).toMatch(/^compilation failed: .*recursion limit exceeded$/);
  });
});

it('takes patches only where they can be made', () => {
  const scope = { ...SCOPE, makesPatches: true };
  expect(first('Object{spec: Object.spec{replicas: 1}}', ['Object'], scope)).toBeUndefined();
  expect(first('[JSONPatch{op: "add", value: object}]', [], scope)).toBeUndefined();
  expect(first('"x"', ['Object'], scope)).toBe('must evaluate to Object but got string');
});
