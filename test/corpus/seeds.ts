// Good objects of the kinds that are used most, with their kinds.
import { readFileSync } from 'node:fs';
import { type Document, parseAllDocuments } from 'yaml';
import type { Catalogue } from '../../api/catalogue.ts';
import type { Kind } from '../../api/kind.ts';
import { type AnyObject, parseApiVersion } from '../../api/object.ts';
import { type Variant, variantsOf } from './variants.ts';

export interface Seed {
  readonly kind: Kind;
  readonly object: AnyObject;
}

const FILES = ['seeds.yaml', 'seeds-cluster.yaml'];

/** In the order of the files. */
export function readSeeds(catalogue: Catalogue): Seed[] {
  // Of two folders' depth, from the sources as from the bundle.
  const texts = FILES.map((file) => readFileSync(new URL(`../../test/corpus/${file}`, import.meta.url), 'utf8'));
  return texts
    .flatMap((text) => parseAllDocuments(text) as Document[])
    .map((document) => {
      const object = document.toJS() as AnyObject;
      const { group, version } = parseApiVersion(object.apiVersion ?? '');
      const kind = catalogue.byKind(group, version, object.kind ?? '');
      if (!kind) throw new Error(`no kind ${object.apiVersion} ${object.kind}`);
      return { kind, object };
    });
}

/** One kind's pod template stands for all. */
const TEMPLATE = /^(spec\.(jobTemplate\.spec\.)?)?template\./;
const ONE_TEMPLATE = 'StatefulSet';
const NOT_VARIED = new Set(['apiVersion', 'kind', 'metadata', 'status']);

/** Variants of a good object, in everything but its metadata and its status. */
export function variantsFor({ kind, object }: Seed): Variant[] {
  const parts = Object.keys(kind.schema.properties ?? {}).filter((part) => !NOT_VARIED.has(part));
  const variants = parts.flatMap((part) => variantsOf(kind.schema, object, part));
  return kind.kind === ONE_TEMPLATE ? variants : variants.filter(({ name }) => !TEMPLATE.test(name));
}
