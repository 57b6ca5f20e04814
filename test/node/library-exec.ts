// A command in a pod by @kubernetes/client-node, which gets as many bytes as it gives back.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Exec } from '@kubernetes/client-node/dist/exec.js';

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
  users: { user: { token: string } }[];
}

export interface Echoed {
  /** What the server said of the command's end. */
  readonly status: unknown;
  readonly isSame: boolean;
}

/** Sends `length` bytes through `head` in the container `box` of the pod `box`; `kubeconfig` is a JSON file. */
export async function execByLibrary(kubeconfig: string, length: number): Promise<Echoed> {
  // Of the library's configuration only what it asks here: the whole of it does not load on Node.js 20.
  const { clusters, users } = JSON.parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
  const { server, 'certificate-authority-data': ca } = clusters[0].cluster;
  const config = {
    getCurrentCluster: () => ({ server }),
    applyToHTTPSOptions: async (options: Record<string, unknown>) => {
      options.ca = Buffer.from(ca, 'base64');
      options.headers = { authorization: `Bearer ${users[0].user.token}` };
    },
  } as unknown as ConstructorParameters<typeof Exec>[0];
  const sent = randomBytes(length);
  const hash = createHash('md5');
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  let received = 0;
  stdout.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    received += chunk.length;
  });
  const ended = new Promise<unknown>((resolve, reject) => {
    const words = ['head', '-c', `${length}`];
    new Exec(config).exec('default', 'box', 'box', words, stdout, null, stdin, false, resolve).catch(reject);
  });
  await pipeline(pieces(sent), stdin, { end: false });
  const status = await ended;
  return {
    status,
    isSame: received === length && hash.digest('hex') === createHash('md5').update(sent).digest('hex'),
  };
}

function pieces(bytes: Buffer, size = 64 << 10): Readable {
  const count = Math.ceil(bytes.length / size);
  return Readable.from(Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size)));
}
