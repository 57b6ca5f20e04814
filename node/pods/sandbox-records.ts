// What the agent writes down of each pod it has begun, so that the next agent finds its network and its containers again.
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { unmountBelow } from '../volumes/memory-folders.ts';

export interface SandboxRecord {
  readonly podUID: string;
  readonly namespace: string;
  readonly podName: string;
  /** The pod's own, one of each address family at most; absent for a pod on the node's network. */
  readonly addresses?: readonly string[];
}

/** A pod's own folder: its record and its logs. */
export function podDirectory(directory: string, podUID: string): string {
  return `${directory}/pods/${podUID}`;
}

export async function writeSandboxRecord(directory: string, record: SandboxRecord): Promise<void> {
  const folder = podDirectory(directory, record.podUID);
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}/sandbox.new`, `${JSON.stringify(record)}\n`);
  await rename(`${folder}/sandbox.new`, `${folder}/sandbox.json`);
}

export async function readSandboxRecords(directory: string): Promise<SandboxRecord[]> {
  await mkdir(`${directory}/pods`, { recursive: true });
  const records: SandboxRecord[] = [];
  for (const uid of await readdir(`${directory}/pods`)) {
    const text = await readFile(`${podDirectory(directory, uid)}/sandbox.json`, 'utf8').catch(ifThere);
    if (text) records.push(JSON.parse(text));
  }
  return records;
}

export async function removeSandboxRecord(directory: string, podUID: string): Promise<void> {
  const folder = podDirectory(directory, podUID);
  await unmountBelow(folder);
  await rm(folder, { recursive: true, force: true });
}

function ifThere(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
}
