// DELETE of a collection: everything the selectors match, each as if it were deleted by name.
import { StatusError } from '../../api/status.ts';
import { decodeStored } from './codec.ts';
import { removeObject } from './delete.ts';
import { readDeleteOptions } from './delete-options.ts';
import { readPage } from './list.ts';
import { readListOptions } from './list-options.ts';
import type { Answer, Call, Registry } from './registry.ts';

export async function deleteCollection(registry: Registry, call: Call): Promise<Answer> {
  const listed = new URLSearchParams(call.query);
  listed.delete('watch');
  const { entries, metadata } = await readPage(registry, call, readListOptions(listed));
  const options = await readDeleteOptions(registry, call);
  await Promise.all(
    entries.map(async (entry) => {
      const { name, namespace = '' } = decodeStored(call.kind, entry.value).metadata;
      try {
        await removeObject(registry, { ...call, name, namespace }, options);
      } catch (error) {
        // Somebody else deleted it since it was listed: that is what was asked for.
        if (!(error instanceof StatusError) || error.reason !== 'NotFound') throw error;
      }
    }),
  );
  return { type: 'list', items: entries.map((entry) => entry.value), metadata };
}
