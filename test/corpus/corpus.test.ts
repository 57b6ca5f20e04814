// Every field of upstream's sample objects survives decoding, and none is unknown. `VITRINE_CORPUS` names their folder.
import { describe, expect, it } from 'vitest';
import { Catalogue } from '../../api/catalogue.ts';
import { parseApiVersion } from '../../api/object.ts';
import { decode } from '../../api/schema/decode.ts';
import { CORPUS, readCorpus } from './corpus.ts';

const samples = readCorpus();

describe.skipIf(!samples)(`sample objects (needs ${CORPUS}=FOLDER)`, () => {
  const catalogue = new Catalogue();
  const known = (samples ?? []).flatMap(({ name, object }) => {
    const { apiVersion = '', kind = '' } = object();
    const { group, version } = parseApiVersion(apiVersion);
    const found = catalogue.byKind(group, version, kind);
    return found ? [{ name, object, kind: found }] : [];
  });

  it('are of most kinds that there are', () => {
    expect(known.length).toBeGreaterThan(60);
  });

  it.for(known)('$name', ({ object, kind }) => {
    const decoded = decode(kind, object(), { validation: 'Strict' }).object;
    expect(JSON.parse(JSON.stringify(decoded))).toEqual(object());
  });
});
