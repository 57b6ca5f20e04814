import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { check } from '../../host/exec.ts';
import { addLoadedImage, listLoadedImages, loadedImage, removeLoadedImage } from './loaded.ts';
import { BadImageError, unpackImage } from './unpack.ts';

let work: string;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'vitrine-unpack-'));
});
afterEach(() => rmSync(work, { recursive: true, force: true }));

let made = 0;
/** A tar of these files; `>TARGET` as content makes a link. Returns its path. */
async function tarOf(files: Record<string, string>, words: readonly string[] = []): Promise<string> {
  const folder = `${work}/files-${made++}`;
  mkdirSync(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(`${folder}/${path}`), { recursive: true });
    if (text.startsWith('>')) symlinkSync(text.slice(1), `${folder}/${path}`);
    else writeFileSync(`${folder}/${path}`, text);
  }
  await check(['tar', '--create', '--file', `${folder}.tar`, '--directory', folder, ...words, ...readdirSync(folder)]);
  return `${folder}.tar`;
}

function rootfs(): string {
  const folder = `${work}/rootfs-${made++}`;
  mkdirSync(folder);
  return folder;
}

const CONFIG = {
  architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
  os: 'linux',
  config: { Entrypoint: ['/bin/web'], Cmd: ['-v'], Env: ['A=b=c'], WorkingDir: '/srv', User: 'web' },
};
const PASSWD = 'root:x:0:0::/:/bin/sh\nweb:x:101:102::/:/bin/sh\n';

async function dockerArchive(layers: readonly string[], config: object = CONFIG): Promise<string> {
  const files: Record<string, string> = {
    'manifest.json': JSON.stringify([
      { Config: 'config.json', Layers: layers.map((_, index) => `${index}/layer.tar`) },
    ]),
    'config.json': JSON.stringify(config),
  };
  layers.forEach((layer, index) => {
    files[`${index}/layer.tar`] = readFileSync(layer, 'latin1');
  });
  return tarOf(files);
}

async function ociArchive(layer: string, tamper = ''): Promise<string> {
  const files: Record<string, string> = {};
  const add = (text: string): { digest: string } => {
    const hex = createHash('sha256').update(text).digest('hex');
    files[`blobs/sha256/${hex}`] = text + tamper;
    return { digest: `sha256:${hex}` };
  };
  const manifest = add(
    JSON.stringify({ layers: [add(readFileSync(layer, 'latin1'))], config: add(JSON.stringify(CONFIG)) }),
  );
  const other = { digest: `sha256:${'0'.repeat(64)}`, platform: { architecture: 's390x', os: 'linux' } };
  const index = add(JSON.stringify({ manifests: [other, { ...manifest, platform: CONFIG }] }));
  files['index.json'] = JSON.stringify({ manifests: [index] });
  return tarOf(files);
}

describe('an image', () => {
  it('may be a plain tar of files, compressed too', async () => {
    const folder = rootfs();
    const image = await unpackImage(await tarOf({ 'bin/web': 'x', 'dev/null': 'no' }, ['--gzip']), folder);
    expect(readFileSync(`${folder}/bin/web`, 'utf8')).toBe('x');
    expect(existsSync(`${folder}/dev/null`)).toBe(false);
    expect(image).toMatchObject({ entrypoint: [], cmd: [], env: {} });
    expect(image.sizeBytes).toBeGreaterThan(0);
  });

  it('may be what docker saves: layers over each other, with things taken away', async () => {
    const layers = [
      await tarOf({ 'etc/passwd': PASSWD, 'a/1': '1', 'a/2': '2', 'b/old': 'old', link: '>a', gone: 'x' }),
      await tarOf({
        'a/.wh.1': '',
        'a/3': '3',
        'b/.wh..wh..opq': '',
        'b/new': 'new',
        '.wh.gone': '',
        link: 'now a file',
      }),
    ];
    const folder = rootfs();
    expect(await unpackImage(await dockerArchive(layers), folder)).toMatchObject({
      entrypoint: ['/bin/web'],
      cmd: ['-v'],
      env: { A: 'b=c' },
      workingDir: '/srv',
      user: '101:102',
    });
    expect(readdirSync(`${folder}/a`).sort()).toEqual(['2', '3']);
    expect(readdirSync(`${folder}/b`)).toEqual(['new']);
    expect(existsSync(`${folder}/gone`)).toBe(false);
    expect(lstatSync(`${folder}/link`).isFile()).toBe(true);
  });

  it('may be an OCI archive, through an index of platforms', async () => {
    const folder = rootfs();
    const image = await unpackImage(await ociArchive(await tarOf({ 'etc/passwd': PASSWD, x: '1' })), folder);
    expect(image.user).toBe('101:102');
    expect(readFileSync(`${folder}/x`, 'utf8')).toBe('1');
  });

  it('leads nowhere outside, neither by names nor by links of another layer', async () => {
    const outside = `${work}/outside`;
    mkdirSync(outside);
    const first = await tarOf({ door: `>${outside}`, 'up/file': 'x' }, [
      '--absolute-names',
      '--transform=s,up/file,../../escaped,',
    ]);
    const second = await tarOf({ 'door/in': 'evil' });
    const folder = rootfs();
    const outcome = await unpackImage(await dockerArchive([first, second], {}), folder).catch((error: Error) => error);
    expect(readdirSync(outside)).toEqual([]);
    expect(existsSync(`${work}/escaped`)).toBe(false);
    expect(existsSync(`${dirname(work)}/escaped`)).toBe(false);
    if (!(outcome instanceof Error)) expect(lstatSync(`${folder}/door`).isDirectory()).toBe(true);
  });

  it('keeps no power over its user', async () => {
    const source = await tarOf({ 'bin/su': 'x' }, ['--mode=4755']);
    const folder = rootfs();
    await unpackImage(source, folder);
    expect(statSync(`${folder}/bin/su`).mode & 0o7777).toBe(0o755);
  });

  it.each<[string, () => Promise<string>, RegExp]>([
    ['for another machine', async () => dockerArchive([], { architecture: 's390x', os: 'linux' }), /for linux\/s390x/],
    ['damaged', async () => ociArchive(await tarOf({ x: '1' }), ' '), /is damaged/],
    [
      'no tar',
      async () => {
        writeFileSync(`${work}/no`, 'no');
        return `${work}/no`;
      },
      /cannot be unpacked/,
    ],
    ['of a user it does not know', async () => dockerArchive([], { config: { User: 'nobody' } }), /no user nobody/],
    [
      'with layers outside',
      async () => tarOf({ 'manifest.json': JSON.stringify([{ Config: '../x', Layers: [] }]) }),
      /lacks \.\.\/x/,
    ],
  ])('is refused when it is %s', async (_what, archive, why) => {
    const attempt = unpackImage(await archive(), rootfs());
    await expect(attempt).rejects.toThrow(BadImageError);
    await expect(attempt).rejects.toThrow(why);
  });
});

it('loaded images are found by name, replaced, listed and removed', async () => {
  const directory = `${work}/images`;
  const name = 'docker.io/library/web:latest';
  const load = (text: string) =>
    addLoadedImage(directory, name, async (folder) => {
      writeFileSync(`${folder}/file`, text);
      return { id: `sha256:${text}`, entrypoint: ['/web'], cmd: [], env: {}, sizeBytes: 1 };
    });
  expect(await loadedImage(directory, name)).toBeUndefined();
  await load('1');
  await load('2');
  const found = await loadedImage(directory, name);
  expect(found?.id).toBe('docker.io/library/web@sha256:2');
  const { base } = await found!.image.contents('');
  expect(readFileSync(`${base}/file`, 'utf8')).toBe('2');
  expect((await listLoadedImages(directory)).map((image) => image.name)).toEqual([name]);
  expect(await removeLoadedImage(directory, name)).toBe(true);
  expect(await removeLoadedImage(directory, name)).toBe(false);
  expect(readdirSync(directory)).toEqual([]);
});
