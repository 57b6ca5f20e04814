// Which images there are, and which names lead to them.
import { ImageError, type KnownImage } from '../runtime.ts';
import { agnhost } from './agnhost.ts';
import { busybox, pause } from './busybox.ts';
import { echo } from './echo.ts';
import { commandLine, type Image } from './image.ts';
import { listLoadedImages, loadedImage } from './loaded.ts';
import { baseName, checkReference, normalReference } from './reference.ts';
import { vitrineDns } from './vitrine-dns.ts';

export interface CatalogOptions {
  /** The folder of images that were loaded by hand. */
  readonly loadedImages?: string;
  /** What does not exist is stood in for by `echo` instead of being refused. */
  readonly standIn?: boolean;
}

export interface ResolvedImage {
  readonly image: Image;
  readonly id: string;
  readonly notice?: { readonly type: 'Normal' | 'Warning'; readonly message: string };
}

/** Names for which another image stands in: `echo` on the port that each serves when its container declares none. */
const STAND_INS: Readonly<Record<string, Image>> = {
  nginx: echo(80),
  httpd: echo(80),
  'http-echo': echo(5678),
  echoserver: echo(8080, ['-echoserver']),
  serve_hostname: {
    ...agnhost,
    command: (asked) => commandLine(asked, { entrypoint: ['/agnhost', 'serve-hostname'], cmd: [] }),
  },
};
const BUILT_IN: Readonly<Record<string, Image>> = {
  echo: echo(8080),
  busybox,
  pause,
  agnhost,
  'vitrine-dns': vitrineDns,
};
/** Commands that a stand-in runs as they are. */
const RUN_AS_TOLD = ['true', 'false', 'sleep'];

export class Catalog {
  readonly #options: CatalogOptions;

  constructor(options: CatalogOptions = {}) {
    this.#options = options;
  }

  /** A loaded image of this very name; else any registry, repository and tag of a built-in's. Throws ImageError that says what exists. */
  async resolve(reference: string): Promise<ResolvedImage> {
    checkReference(reference);
    const loaded = await this.#loaded(reference);
    if (loaded) return loaded;
    const name = baseName(reference);
    if (Object.hasOwn(BUILT_IN, name)) return { image: BUILT_IN[name], id: idOf(name) };
    if (Object.hasOwn(STAND_INS, name)) {
      const image = STAND_INS[name];
      const message = `Image "${reference}" is not downloaded: the built-in image "${image.name}" stands in for it and answers on its ports`;
      return { image, id: idOf(image.name), notice: { type: 'Normal', message } };
    }
    if (this.#options.standIn) return standIn(reference);
    throw new ImageError(`${notFound(reference)}; there are ${(await this.#names()).join(', ')}`);
  }

  async list(): Promise<KnownImage[]> {
    const loaded = await this.#all();
    return [
      ...Object.values(BUILT_IN).map(({ name, sizeBytes }) => ({ names: [idOf(name)], sizeBytes })),
      ...loaded.map(({ name, id, sizeBytes }) => ({ names: [id, name], sizeBytes })),
    ];
  }

  async #loaded(reference: string): Promise<ResolvedImage | undefined> {
    const { loadedImages } = this.#options;
    return loadedImages === undefined ? undefined : loadedImage(loadedImages, normalReference(reference));
  }

  async #all(): Promise<Awaited<ReturnType<typeof listLoadedImages>>> {
    const { loadedImages } = this.#options;
    return loadedImages === undefined ? [] : listLoadedImages(loadedImages);
  }

  async #names(): Promise<string[]> {
    const loaded = await this.#all();
    return [...Object.keys(BUILT_IN), ...Object.keys(STAND_INS), ...loaded.map(({ name }) => name)];
  }
}

function idOf(name: string): string {
  return `docker.io/vitrine/${name}:latest`;
}

function notFound(reference: string): string {
  return `failed to pull and unpack image "${reference}": not found: images are built in or loaded by "vitrine image load", none is downloaded`;
}

function standIn(reference: string): ResolvedImage {
  const own = echo(8080);
  const isToldTo = (words: readonly string[] = []): boolean => RUN_AS_TOLD.includes(baseName(words[0] ?? ''));
  const image: Image = {
    ...own,
    name: 'stand-in',
    announces: undefined,
    command({ command, args = [], ports }) {
      if (isToldTo(command)) return [...command!, ...args];
      return !command && isToldTo(args) ? args : own.command({ ports });
    },
  };
  const message = `${notFound(reference)}; the built-in image "echo" stands in for it`;
  return { image, id: idOf('echo'), notice: { type: 'Warning', message } };
}
