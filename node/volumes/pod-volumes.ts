// The volumes of one pod: made before its containers, kept up to date while they run, gone with the pod.
import { chmod, mkdir, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseQuantity } from '../../api/quantity.ts';
import type { Container, Pod, Volume, VolumeMount } from '../../api/types/core.v1.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../host/clock.ts';
import { ConfigError, type PodFacts } from '../pods/downward-api.ts';
import { expand } from '../pods/environment.ts';
import type { Mount } from '../runtime.ts';
import { writeAtomically } from './atomic-writer.ts';
import { hostPath } from './host-path.ts';
import { mountMemory } from './memory-folders.ts';
import { volumePayload } from './payload.ts';
import { PodTokens } from './tokens.ts';

export interface PodVolumesOptions {
  readonly client: Client;
  readonly clock: Clock;
  /** The pod's own folder. */
  readonly directory: string;
  /** What hostPath volumes see as the node. */
  readonly hostRoot: string;
}

/** Why a volume is not there: shown as a `FailedMount` event. */
export class MountError extends Error {
  readonly volume: string;

  constructor(volume: string, why: string) {
    super(`MountVolume.SetUp failed for volume "${volume}" : ${why}`);
    this.name = 'MountError';
    this.volume = volume;
  }
}

/** Volumes whose files come from the API server: their mounts are never written to. */
const PROJECTED = ['configMap', 'secret', 'downwardAPI', 'projected'] as const;

export class PodVolumes {
  readonly #options: PodVolumesOptions;
  readonly #tokens: PodTokens;
  /** Where each volume is, by name. */
  readonly #places = new Map<string, string>();

  constructor(options: PodVolumesOptions) {
    this.#options = options;
    this.#tokens = new PodTokens(options.client, options.clock);
  }

  /** Makes what is missing and writes anew what has changed. Rejects with MountError; others are made nevertheless. */
  async sync(pod: Pod, facts: PodFacts): Promise<void> {
    const problems: MountError[] = [];
    for (const volume of pod.spec?.volumes ?? []) {
      try {
        this.#places.set(volume.name, await this.#make(pod, volume, facts));
      } catch (error) {
        problems.push(new MountError(volume.name, (error as Error).message));
      }
    }
    if (problems.length > 0) throw problems[0];
  }

  /** ms since the epoch when a token is due; undefined: never. */
  get renewAt(): number | undefined {
    return this.#tokens.renewAt;
  }

  /** What a container sees of them. Throws ConfigError when a part of a volume cannot be shown. */
  async mounts(pod: Pod, container: Container, env: Readonly<Record<string, string>>): Promise<Mount[]> {
    const volumes = new Map((pod.spec?.volumes ?? []).map((volume) => [volume.name, volume]));
    return Promise.all(
      (container.volumeMounts ?? []).map(async (mount) => {
        const volume = volumes.get(mount.name);
        const place = this.#places.get(mount.name);
        if (!volume || !place)
          throw new ConfigError(`volume "${mount.name}" of container "${container.name}" not found`);
        const isProjected = PROJECTED.some((kind) => volume[kind]);
        const to = mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`;
        return {
          from: await this.#part(place, mount, container, env),
          to,
          readOnly: Boolean(mount.readOnly) || isProjected,
        };
      }),
    );
  }

  /** A `subPath` lies inside its volume, wherever links in it lead. */
  async #part(
    place: string,
    { name, subPath = '', subPathExpr }: VolumeMount,
    container: Container,
    env: Readonly<Record<string, string>>,
  ): Promise<string> {
    const part = subPathExpr ? expand(subPathExpr, env) : subPath;
    if (!part) return place;
    const failed = (why: string): ConfigError =>
      new ConfigError(`failed to prepare subPath for volumeMount "${name}" of container "${container.name}": ${why}`);
    if (part.startsWith('/') || part.split('/').includes('..')) throw failed(`${part} leads out of the volume`);
    const path = `${place}/${part}`;
    let real = await realpath(path).catch(() => undefined);
    if (!real) {
      await makeLike(place, path).catch((error: Error) => {
        throw failed(error.message);
      });
      real = await realpath(path);
    }
    if (!real.startsWith(`${await realpath(place)}/`)) throw failed(`${part} leads out of the volume`);
    return real;
  }

  async #make(pod: Pod, volume: Volume, facts: PodFacts): Promise<string> {
    const { directory, hostRoot, client } = this.#options;
    const place = `${directory}/volumes/${volume.name}`;
    if (volume.emptyDir) {
      const { medium, sizeLimit } = volume.emptyDir;
      await mkdir(place, { recursive: true });
      if (medium === 'Memory') await mountMemory(place, sizeLimit ? parseQuantity(`${sizeLimit}`).value : undefined);
      else await chmod(place, 0o777);
      return place;
    }
    if (volume.hostPath) return hostPath(hostRoot, volume.hostPath);
    const token = this.#tokens.token.bind(this.#tokens, pod);
    const payload = await volumePayload({ client, pod, facts, token }, volume);
    const [kind] = Object.keys(volume).filter((key) => key !== 'name');
    if (!payload) throw new Error(`volumes of the kind ${kind} are not supported`);
    await writeAtomically(place, payload);
    return place;
  }
}

/** Makes the folders that are missing on the way to `path`, each with the mode of `place` above them, whatever our umask is. */
async function makeLike(place: string, path: string): Promise<void> {
  const { mode } = await stat(place);
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await chmod(made, mode & 0o7777);
}
