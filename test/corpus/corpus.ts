// Sample objects of upstream, every field filled (k8s.io/api testdata/HEAD): a folder of `GROUP.VERSION.KIND.json` that the
// environment names, since none of it is ours to keep.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AnyObject } from '../../api/object.ts';

export interface Sample {
  /** `apps.v1.Deployment` */
  readonly name: string;
  /** A copy of one's own at every call. */
  object(): AnyObject;
}

/** The environment variable with the folder of the samples. */
export const CORPUS = 'VITRINE_CORPUS';

/** Undefined when the environment names no folder. */
export function readCorpus(): Sample[] | undefined {
  const folder = process.env[CORPUS];
  if (!folder) return undefined;
  return (
    readdirSync(folder)
      // The others tell what a later release makes of a sample.
      .filter((file) => file.endsWith('.json') && !file.endsWith('.after_roundtrip.json'))
      .map((file) => {
        const text = readFileSync(join(folder, file), 'utf8');
        return { name: file.replace(/\.json$/, ''), object: () => JSON.parse(text) as AnyObject };
      })
  );
}
