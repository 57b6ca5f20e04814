// The administrator's kubeconfig. It appears whole and only when the server is ready: its appearance is the ready signal.
import { replaceFile } from './files.ts';

export interface KubeconfigOptions {
  path: string;
  /** `https://127.0.0.1:6443` */
  server: string;
  /** PEM. */
  caCert: string;
  token: string;
}

/** Written as JSON, which is YAML too, so that no emitter is needed. Mode 0600: it holds the token. */
export async function writeKubeconfig({ path, server, caCert, token }: KubeconfigOptions): Promise<void> {
  const certificateAuthority = Buffer.from(caCert).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'vitrine', cluster: { server, 'certificate-authority-data': certificateAuthority } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'vitrine', context: { cluster: 'vitrine', user: 'admin' } }],
    'current-context': 'vitrine',
  };
  await replaceFile(path, `${JSON.stringify(config, null, 2)}\n`, 0o600);
}
