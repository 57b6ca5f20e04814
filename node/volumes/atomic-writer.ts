// A folder whose files change all at once (upstream pkg/volume/util/atomic_writer.go): the files lie in a folder named by its time,
// `..data` leads to it, and what the user sees are links through `..data`.
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Path below the folder → content and mode. */
export type Payload = ReadonlyMap<string, { readonly content: Buffer; readonly mode: number }>;

/** Makes `folder` show `payload` and nothing else. False when it already did. Throws on a path that leads outside. */
export async function writeAtomically(folder: string, payload: Payload): Promise<boolean> {
  for (const path of payload.keys()) checkPath(path);
  await mkdir(folder, { recursive: true });
  const current = await readlink(`${folder}/..data`).catch(ifThere);
  if (current !== undefined && (await holds(`${folder}/${current}`, payload))) return false;
  const made = await mkdtemp(`${folder}/..${stamp(new Date())}.`);
  await chmod(made, 0o755);
  for (const [path, { content, mode }] of payload) {
    await mkdir(dirname(`${made}/${path}`), { recursive: true });
    await writeFile(`${made}/${path}`, content);
    await chmod(`${made}/${path}`, mode);
  }
  await symlink(made.slice(folder.length + 1), `${folder}/..data_tmp`);
  await rename(`${folder}/..data_tmp`, `${folder}/..data`);
  await showLinks(folder, new Set([...payload.keys()].map((path) => path.split('/')[0])));
  if (current !== undefined) await rm(`${folder}/${current}`, { recursive: true, force: true });
  return true;
}

async function showLinks(folder: string, names: ReadonlySet<string>): Promise<void> {
  const shown = (await readdir(folder)).filter((name) => !name.startsWith('..'));
  for (const name of names) if (!shown.includes(name)) await symlink(`..data/${name}`, `${folder}/${name}`);
  for (const name of shown) if (!names.has(name)) await rm(`${folder}/${name}`, { recursive: true, force: true });
}

async function holds(folder: string, payload: Payload): Promise<boolean> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  if (entries.filter((entry) => !entry.isDirectory()).length !== payload.size) return false;
  for (const [path, { content }] of payload) {
    const held = await readFile(`${folder}/${path}`).catch(() => undefined);
    if (!held?.equals(content)) return false;
  }
  return true;
}

function checkPath(path: string): void {
  const parts = path.split('/');
  if (path === '' || path.startsWith('/') || parts[0].startsWith('..') || parts.includes('..')) {
    throw new Error(`invalid path, must not be absolute, hold '..' or start with it: ${path}`);
  }
}

/** `2026_11_22_23_05_59`, in UTC. */
function stamp(time: Date): string {
  return time.toISOString().slice(0, 19).replace(/[-:T]/g, '_');
}

function ifThere(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
