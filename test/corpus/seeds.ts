// Good objects of the kinds that are used most, with their kinds.
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { Catalogue } from '../../api/catalogue.ts';
import type { Kind } from '../../api/kind.ts';
import { type AnyObject, parseApiVersion } from '../../api/object.ts';

export interface Seed {
  readonly kind: Kind;
  readonly object: AnyObject;
}

/** In the order of the file. */
export function readSeeds(catalogue: Catalogue): Seed[] {
  // Of two folders' depth, from the sources as from the bundle.
  const text = readFileSync(new URL('../../test/corpus/seeds.yaml', import.meta.url), 'utf8');
  return parseAllDocuments(text).map((document) => {
    const object = document.toJS() as AnyObject;
    const { group, version } = parseApiVersion(object.apiVersion ?? '');
    const kind = catalogue.byKind(group, version, object.kind ?? '');
    if (!kind) throw new Error(`no kind ${object.apiVersion} ${object.kind}`);
    return { kind, object };
  });
}

/** Where the variants of an object differ from it, besides its status. */
export const PARTS = ['spec', 'data', 'subsets', 'ports', 'endpoints', 'rules', 'roleRef', 'subjects'];
