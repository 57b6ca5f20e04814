// Unpacking images: a plain tar of files, what `docker save` writes, or an OCI layout; each may be compressed with what the
// machine's tar knows. Every layer is unpacked into an empty folder of its own, where tar lets nothing out, and then moved over
// the layers below it, folder by folder: so no link of one layer leads a file of another astray.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { check, ExecError } from '../../host/exec.ts';

/** What of an image's configuration matters to who runs it (OCI image-spec, config.md). */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir?: string;
  /** `UID:GID`; absent: root. */
  readonly user?: string;
  /** Bytes of all its files. */
  readonly sizeBytes: number;
}

/** The file is no image, or none for this machine. */
export class BadImageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadImageError';
  }
}

interface Manifest {
  /** Paths of files. */
  readonly layers: readonly string[];
  readonly config: OCIConfig;
}

interface OCIConfig {
  readonly architecture?: string;
  readonly os?: string;
  readonly config?: {
    readonly Entrypoint?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly Env?: readonly string[] | null;
    readonly WorkingDir?: string;
    readonly User?: string;
  };
}

interface Descriptor {
  readonly digest: string;
  readonly mediaType?: string;
  readonly platform?: { readonly architecture: string; readonly os: string };
}

const ARCH: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const OURS = ARCH[process.arch] ?? process.arch;
/** ms that a layer may take. */
const UNPACK_LIMIT_MS = 600_000;
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

/** Unpacks `file` into the empty folder `rootfs`. Throws BadImageError that says what is wrong with the file. */
export async function unpackImage(file: string, rootfs: string): Promise<ImageConfig> {
  const work = await mkdtemp(`${dirname(rootfs)}/.unpack-`);
  try {
    const names = new Set((await tar(['--list'], file)).split('\n').map((name) => name.replace(/^\.\//, '')));
    const isArchive = names.has('manifest.json') || names.has('index.json');
    const { layers, config } = isArchive ? await openArchive(file, work) : { layers: [file], config: {} };
    for (const layer of layers) await addLayer(layer, work, rootfs);
    return await readConfig(config, rootfs);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** `sha256:…` of a file. */
export async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return `sha256:${hash.digest('hex')}`;
}

async function tar(words: readonly string[], file: string): Promise<string> {
  try {
    return await check(['tar', ...words, '--file', file], { timeoutMs: UNPACK_LIMIT_MS });
  } catch (error) {
    if (!(error instanceof ExecError)) throw error;
    throw new BadImageError(`${file} cannot be unpacked: ${error.stderr.trim().split('\n')[0]}`);
  }
}

/** GNU tar strips what leads outside: leading slashes, `..`, links that later members would go through. */
async function extract(file: string, folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  const words = ['--extract', '--no-same-owner', '--preserve-permissions', '--no-xattrs', '--delay-directory-restore'];
  // Device nodes need more rights than we have, and containers get their own.
  await tar([...words, '--exclude=dev/*', '--exclude=./dev/*', '--directory', folder], file);
  await check(['find', folder, '-type', 'd', '!', '-perm', '-700', '-exec', 'chmod', 'u+rwx', '{}', '+']);
  await check(['find', folder, '-type', 'f', '-perm', '/6000', '-exec', 'chmod', 'ug-s', '{}', '+']);
}

async function openArchive(file: string, work: string): Promise<Manifest> {
  const folder = `${work}/archive`;
  await extract(file, folder);
  const has = new Set(await readdir(folder));
  return has.has('manifest.json') ? openDocker(folder) : openOCI(folder);
}

async function openDocker(folder: string): Promise<Manifest> {
  const manifests = await readJSON<{ Config: string; Layers: string[] }[]>(folder, 'manifest.json');
  if (manifests.length !== 1) throw new BadImageError(`the archive holds ${manifests.length} images; save one alone`);
  const [{ Config, Layers }] = manifests;
  const layers = await Promise.all(Layers.map((layer) => within(folder, layer)));
  return { layers, config: checkPlatform(await readJSON<OCIConfig>(folder, Config)) };
}

async function openOCI(folder: string): Promise<Manifest> {
  let { manifests } = await readJSON<{ manifests: Descriptor[] }>(folder, 'index.json');
  // An index may lead to another one, of platforms.
  for (let depth = 0; depth < 4; depth += 1) {
    const fitting = manifests.find(
      ({ platform }) => !platform || (platform.architecture === OURS && platform.os === 'linux'),
    );
    if (!fitting) throw new BadImageError(`the archive has no image for linux/${OURS}`);
    const found = await readBlob<{ manifests?: Descriptor[]; layers?: Descriptor[]; config?: Descriptor }>(
      folder,
      fitting.digest,
    );
    if (found.layers && found.config) {
      const layers = await Promise.all(found.layers.map(({ digest }) => blob(folder, digest)));
      return { layers, config: checkPlatform(await readBlob<OCIConfig>(folder, found.config.digest)) };
    }
    manifests = found.manifests ?? [];
  }
  throw new BadImageError('the archive leads to no image');
}

function checkPlatform(config: OCIConfig): OCIConfig {
  const { architecture = OURS, os = 'linux' } = config;
  if (architecture === OURS && os === 'linux') return config;
  throw new BadImageError(`the image is for ${os}/${architecture}, this machine is linux/${OURS}`);
}

async function readJSON<T>(folder: string, path: string): Promise<T> {
  try {
    return JSON.parse(await readFile(await within(folder, path), 'utf8')) as T;
  } catch (error) {
    if (error instanceof SyntaxError) throw new BadImageError(`${path} in the archive is no JSON`);
    throw error;
  }
}

async function readBlob<T>(folder: string, digest: string): Promise<T> {
  return JSON.parse(await readFile(await blob(folder, digest), 'utf8')) as T;
}

/** A blob is what its name says. */
async function blob(folder: string, digest: string): Promise<string> {
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  if (!hex) throw new BadImageError(`not a digest: ${digest}`);
  const path = await within(folder, `blobs/sha256/${hex}`);
  if ((await digestOf(path)) !== digest) throw new BadImageError(`blob ${digest} is damaged`);
  return path;
}

/** `docker save` of old links layers to each other; a path that leads outside is none. */
async function within(folder: string, path: string): Promise<string> {
  const found = await realpath(`${folder}/${path}`).catch(() => undefined);
  if (found?.startsWith(`${await realpath(folder)}/`)) return found;
  throw new BadImageError(`the archive lacks ${path}`);
}

async function addLayer(layer: string, work: string, rootfs: string): Promise<void> {
  const folder = `${work}/layer`;
  await extract(layer, folder);
  await moveOver(folder, rootfs);
  await rm(folder, { recursive: true, force: true });
}

/** Moves the files of `from` over those of `to`, a folder that is really there (OCI image-spec, layer.md: whiteouts). */
async function moveOver(from: string, to: string): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true });
  if (entries.some(({ name }) => name === OPAQUE)) {
    for (const name of await readdir(to)) await rm(`${to}/${name}`, { recursive: true, force: true });
  }
  const isWhiteout = ({ name }: { name: string }): boolean => name.startsWith(WHITEOUT);
  for (const { name } of entries.filter(isWhiteout)) {
    const hidden = name.slice(WHITEOUT.length);
    if (name !== OPAQUE && hidden) await rm(`${to}/${hidden}`, { recursive: true, force: true });
  }
  for (const entry of entries.filter((one) => !isWhiteout(one))) {
    const [source, target] = [`${from}/${entry.name}`, `${to}/${entry.name}`];
    const there = await lstatIfThere(target);
    if (!entry.isDirectory()) {
      if (there) await rm(target, { recursive: true, force: true });
      await rename(source, target);
      continue;
    }
    if (there && !there.isDirectory()) await rm(target);
    if (!there?.isDirectory()) await mkdir(target);
    await chmod(target, (await lstat(source)).mode & 0o7777);
    await moveOver(source, target);
  }
}

async function lstatIfThere(path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  return lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
}

async function readConfig({ config = {} }: OCIConfig, rootfs: string): Promise<ImageConfig> {
  const pairs = (config.Env ?? []).map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)] as const);
  const size = await check(['du', '--summarize', '--bytes', rootfs]);
  const user = await findUser(config.User ?? '', rootfs);
  return {
    entrypoint: config.Entrypoint ?? [],
    cmd: config.Cmd ?? [],
    env: Object.fromEntries(pairs),
    ...(config.WorkingDir && { workingDir: config.WorkingDir }),
    ...(user && { user }),
    sizeBytes: Number.parseInt(size, 10),
  };
}

/** `web`, `web:www`, `1000` → `UID:GID`, by the image's own passwd and group. */
async function findUser(user: string, rootfs: string): Promise<string | undefined> {
  if (!user) return undefined;
  const [name, group] = user.split(':');
  const entries = async (file: string): Promise<string[][]> => {
    const path = `${rootfs}/etc/${file}`;
    const isFile = (await lstatIfThere(path))?.isFile();
    return isFile ? (await readFile(path, 'utf8')).split('\n').map((line) => line.split(':')) : [];
  };
  const known = (await entries('passwd')).find(([login, , uid]) => login === name || uid === name);
  const uid = known?.[2] ?? name;
  const gid = group ? ((await entries('group')).find(([title]) => title === group)?.[2] ?? group) : (known?.[3] ?? '0');
  if (!/^\d+$/.test(uid) || !/^\d+$/.test(gid)) throw new BadImageError(`the image has no user ${user}`);
  return `${uid}:${gid}`;
}
