// What volumes hold on disk, and which hold more than they may (upstream pkg/kubelet/eviction/eviction_manager.go emptyDirLimitEviction).
import { lstat, readdir } from 'node:fs/promises';
import { parseQuantity } from '../../api/quantity.ts';
import type { Pod } from '../../api/types/core.v1.ts';

/** Bytes that `folder` takes on disk, whatever links in it lead to. What goes away meanwhile counts no more. */
export async function bytesOf(folder: string): Promise<number> {
  const gone = (error: NodeJS.ErrnoException): undefined => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
  };
  const found = await lstat(folder).catch(gone);
  if (!found) return 0;
  const names = found.isDirectory() ? ((await readdir(folder).catch(gone)) ?? []) : [];
  let sum = found.blocks * 512;
  for (const name of names) sum += await bytesOf(`${folder}/${name}`);
  return sum;
}

/** Whether any volume of the pod has a limit that only we look after. */
export function hasVolumeLimits({ spec }: Pod): boolean {
  return spec?.volumes?.some(({ emptyDir }) => emptyDir?.sizeLimit && emptyDir.medium !== 'Memory') ?? false;
}

/** Upstream's words for the first volume over its limit; undefined when all are within theirs. `directory` is the pod's own. */
export async function overfullVolume(directory: string, { spec }: Pod): Promise<string | undefined> {
  for (const { name, emptyDir } of spec?.volumes ?? []) {
    if (!emptyDir?.sizeLimit || emptyDir.medium === 'Memory') continue;
    const limit = parseQuantity(`${emptyDir.sizeLimit}`);
    if (limit.value > 0 && (await bytesOf(`${directory}/volumes/${name}`)) > limit.value) {
      return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `;
    }
  }
  return undefined;
}
