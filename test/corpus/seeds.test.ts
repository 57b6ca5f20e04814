// The good objects are good, and no variant of them, however hostile, breaks the rules that judge it.
import { describe, expect, it } from 'vitest';
import { Catalogue } from '../../api/catalogue.ts';
import type { FieldError } from '../../api/field.ts';
import type { Kind } from '../../api/kind.ts';
import { validateMetadata } from '../../api/metadata.ts';
import { type AnyObject, copyOf } from '../../api/object.ts';
import { decode } from '../../api/schema/decode.ts';
import { applyDefaults } from '../../api/schema/defaults.ts';
import { StatusError } from '../../api/status.ts';
import { readSeeds, variantsFor } from './seeds.ts';

const WRITE = { user: { name: 'me', groups: [] }, now: '2026-01-01T00:00:00Z' };

const catalogue = new Catalogue();
const seeds = readSeeds(catalogue);

/** As the server does on a create and on an update, without what it allocates and admits. */
function judge(kind: Kind, given: AnyObject, old?: AnyObject): FieldError[] {
  const { object } = decode(kind, copyOf(given), { validation: 'Strict' });
  object.metadata.uid = 'one';
  applyDefaults(kind, object);
  if (!old) {
    kind.rules.prepareForCreate?.(object, WRITE);
    return [...validateMetadata(kind, object), ...(kind.rules.validate?.(object) ?? [])];
  }
  kind.rules.prepareForUpdate?.(object, copyOf(old), '', WRITE);
  return [...(kind.rules.validate?.(object, old) ?? []), ...(kind.rules.validateUpdate?.(object, old, '') ?? [])];
}

/** What a create keeps. */
function kept(kind: Kind, given: AnyObject): AnyObject {
  const object = copyOf(given);
  object.metadata.uid = 'one';
  applyDefaults(kind, object);
  kind.rules.prepareForCreate?.(object, WRITE);
  return object;
}

describe.each(seeds.map(({ kind, object }) => ({ name: kind.kind, kind, object })))('$name', ({ kind, object }) => {
  it('is good', () => {
    expect(judge(kind, object).map(String)).toEqual([]);
  });

  it('is judged in every variant', () => {
    const old = kept(kind, object);
    let refused = 0;
    for (const variant of variantsFor({ kind, object })) {
      const hostile = copyOf(object);
      variant.apply(hostile);
      try {
        const errors = [...judge(kind, hostile), ...judge(kind, hostile, old)];
        if (errors.length > 0) refused++;
        for (const error of errors) error.toString();
      } catch (error) {
        // What the decoder refuses is judged too; anything else is ours.
        if (!(error instanceof StatusError)) throw new Error(`${kind.kind} ${variant.name}`, { cause: error });
      }
    }
    expect(refused).toBeGreaterThan(kind.kind === 'ServiceAccount' ? -1 : 0);
  });
});
