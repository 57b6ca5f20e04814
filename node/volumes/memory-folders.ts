// Folders in memory: emptyDir volumes of medium Memory. They are mounts of the node's, shared by a pod's containers.
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { check } from '../../host/exec.ts';

/** Mounts a tmpfs at `folder`, of `sizeBytes` at most, unless one is there. */
export async function mountMemory(folder: string, sizeBytes: number | undefined): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (mountsBelow(folder).includes(folder)) return;
  const size = sizeBytes ? `,size=${sizeBytes}` : '';
  await check(['mount', '-n', '-t', 'tmpfs', '-o', `nosuid,nodev,mode=777${size}`, 'tmpfs', folder]);
}

/** Takes away everything mounted at or below `folder`, so that it can be removed. */
export async function unmountBelow(folder: string): Promise<void> {
  for (const point of mountsBelow(folder).reverse()) await check(['umount', '-n', '-l', point]);
}

function mountsBelow(folder: string): string[] {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => unquote(line.split(' ')[4] ?? ''));
  return points.filter((point) => point === folder || point.startsWith(`${folder}/`));
}

/** The kernel writes spaces and the like as octal numbers. */
function unquote(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
