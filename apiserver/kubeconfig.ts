// The administrator's kubeconfig. As a file it appears whole and only when the server is ready: its appearance is the ready
// signal.
import { replaceFile } from './files.ts';

export interface Access {
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  /** PEM. */
  readonly caCert: string;
  readonly token: string;
}

/** JSON, which is YAML too, so that no emitter is needed. */
export function kubeconfigText({ server, caCert, token }: Access): string {
  const certificateAuthority = Buffer.from(caCert).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'vitrine', cluster: { server, 'certificate-authority-data': certificateAuthority } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'vitrine', context: { cluster: 'vitrine', user: 'admin' } }],
    'current-context': 'vitrine',
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** Mode 0600: it holds the token. */
export async function writeKubeconfig(path: string, access: Access): Promise<void> {
  await replaceFile(path, kubeconfigText(access), 0o600);
}
