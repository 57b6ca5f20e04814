// Names of images (github.com/distribution/reference): `[REGISTRY[:PORT]/]PATH[:TAG][@DIGEST]`.
import { ImageError } from '../runtime.ts';

const PART = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REGISTRY = '(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\\d+)?/)?';
const REFERENCE = new RegExp(
  `^${REGISTRY}${PART}(?:/${PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[a-z0-9]+:[0-9a-f]{32,})?$`,
);

/** `registry.k8s.io:443/a/web:1.2@sha256:…` → `web`. */
export function baseName(reference: string): string {
  return reference.split('@')[0].split('/').at(-1)!.split(':')[0];
}

/** Throws ImageError in upstream's words (pkg/kubelet/images/image_manager.go) when it is no image's name. */
export function checkReference(reference: string): void {
  if (REFERENCE.test(reference)) return;
  const lower = REFERENCE.test(reference.toLowerCase());
  const why = lower
    ? `invalid reference format: repository name (${withLibrary(reference.split(':')[0])}) must be lowercase`
    : 'invalid reference format';
  const message = `Failed to apply default image tag "${reference}": couldn't parse image name "${reference}": ${why}`;
  throw new ImageError(message, 'InvalidImageName');
}

/** `nginx` → `docker.io/library/nginx:latest`: one name for all ways to write it. */
export function normalReference(reference: string): string {
  const [name, digest] = reference.split('@');
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isRegistry = first.includes('.') || first.includes(':') || first === 'localhost';
  const [registry, rest] = isRegistry ? [first, name.slice(slash + 1)] : ['docker.io', name];
  const path = registry === 'docker.io' ? withLibrary(rest) : rest;
  const tagged = path.includes(':') || digest ? path : `${path}:latest`;
  return `${registry}/${tagged}${digest ? `@${digest}` : ''}`;
}

function withLibrary(path: string): string {
  return path.includes('/') ? path : `library/${path}`;
}
