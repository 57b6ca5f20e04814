// Which images there are, and which names lead to them.
import { ImageError } from '../runtime.ts';
import { busybox, pause } from './busybox.ts';
import { echo } from './echo.ts';
import type { Image } from './image.ts';

export interface ResolvedImage {
  readonly image: Image;
  readonly id: string;
  readonly notice?: string;
}

/** Names for which `echo` stands in, and the port each serves when its container declares none. */
const STAND_INS: Readonly<Record<string, number>> = { nginx: 80, httpd: 80, 'http-echo': 5678, echoserver: 8080 };

/** `registry.k8s.io:443/a/web:1.2@sha256:…` → `web`. */
export function baseName(reference: string): string {
  return reference.split('@')[0].split('/').at(-1)!.split(':')[0];
}

/** Any registry, repository and tag of a known name. Throws ImageError that says what exists. */
export function resolveImage(reference: string): ResolvedImage {
  const name = baseName(reference);
  const id = `docker.io/vitrine/${name}:latest`;
  if (name === 'echo') return { image: echo(8080), id };
  if (name === 'busybox') return { image: busybox, id };
  if (name === 'pause') return { image: pause, id };
  if (Object.hasOwn(STAND_INS, name)) {
    const notice = `Image "${reference}" is not downloaded: the built-in image "echo" stands in for it and answers on its ports`;
    return { image: echo(STAND_INS[name]), id: 'docker.io/vitrine/echo:latest', notice };
  }
  const known = ['echo', 'busybox', 'pause', ...Object.keys(STAND_INS)].join(', ');
  throw new ImageError(
    `failed to pull and unpack image "${reference}": not found: images are built in, none is downloaded; there are ${known}`,
  );
}
