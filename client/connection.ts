// How to reach an API server and who to be there: what a kubeconfig says, as plain data.

export interface Connection {
  /** `https://host:port`, with a path prefix where the server stands behind one. */
  readonly server: string;
  /** PEM of the authorities that may have signed the server's certificate; absent: the system's. */
  readonly ca?: string | Buffer;
  /** Accepts any server certificate. */
  readonly insecure?: boolean;
  /** The name the server's certificate must carry, when it isn't the host's. */
  readonly tlsServerName?: string;
  /** PEM client certificate and key. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly token?: string;
  /** Read again once a minute, since bound tokens are renewed in place. Wins over `token`. */
  readonly tokenFile?: string;
}
