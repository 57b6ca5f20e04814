// `vitrine lab apiserver`: the API server of a lab whose parts are containers, with what the supervisor of any other lab does beside
// it: accounts before it starts; a kubeconfig for each of them, and cluster DNS, when it is ready.
import { chown, copyFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { apiserver as standalone } from '../apiserver/main.ts';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { RestClient } from '../client/rest.ts';
import { parseFlags } from '../host/flags.ts';
import { type Context, type Program, program } from '../host/program.ts';
import { IPV4 } from './addresses.ts';
import { installClusterDns } from './cluster-dns.ts';
import { makeAccounts, writeKubeconfigs } from './credentials.ts';
import { type Directory, directoryAt, dirFlag, makeDirectory } from './directory.ts';
import { fileAppears, forgetReadiness } from './ready.ts';

const PORT = 6443;

export const apiserver: Program = program({
  name: 'lab apiserver',
  summary: 'runs the API server of a lab in containers and lets its other parts in',
  flags: {
    dir: dirFlag,
    'advertise-address': { type: z.ipv4(), help: `where the other parts reach it, at port ${PORT}` },
    'host-kubeconfig': { type: z.string(), help: 'the kubeconfig for whoever started the containers; appears last' },
  },
  async run(values, context) {
    const directory = directoryAt(values.dir);
    const hostKubeconfig = values['host-kubeconfig'];
    await makeDirectory(directory);
    await Promise.all([directory.kubeconfig, hostKubeconfig].map((file) => rm(file, { force: true })));
    const accounts = await makeAccounts(directory);
    const ended = new AbortController();
    const signal = AbortSignal.any([context.signal, ended.signal]);
    const serving = serve(directory, values['advertise-address'], { ...context, signal });
    const opening = async (): Promise<void> => {
      await fileAppears(directory.kubeconfig, signal);
      await writeKubeconfigs(directory, accounts, () => `https://${values['advertise-address']}:${PORT}`);
      await prepare(directory);
      await publish(directory.kubeconfig, hostKubeconfig);
      context.log.info({ kubeconfig: hostKubeconfig }, 'the lab can be used');
    };
    try {
      // The server serves until it is told to end; whatever fails ends both.
      await Promise.race([serving, opening().then(() => serving)]);
      return 0;
    } catch (error) {
      if (!context.signal.aborted) throw error; // told to end before it was ready
      return 0;
    } finally {
      ended.abort();
      await Promise.allSettled([serving]);
      await rm(hostKubeconfig, { force: true });
    }
  },
}) as Program;

function serve(directory: Directory, advertiseAddress: string, context: Context): Promise<unknown> {
  const words = [
    `--data-dir=${directory.data}`,
    '--bind-address=0.0.0.0',
    `--secure-port=${PORT}`,
    `--advertise-address=${advertiseAddress}`,
    `--token-auth-file=${directory.tokens}`,
    `--write-kubeconfig=${directory.kubeconfig}`,
    '--metrics-api=true',
  ];
  return standalone.run(parseFlags(standalone.flags, words).values, context);
}

async function prepare(directory: Directory): Promise<void> {
  const client = new RestClient(await loadKubeconfig(directory.kubeconfig), { userAgent: 'vitrine-lab' });
  try {
    await forgetReadiness(client);
    await installClusterDns(client, IPV4);
  } finally {
    await client.close();
  }
}

/** Whole, and readable by the owner of the folder it is put in: he started the containers, which are root's. */
async function publish(from: string, to: string): Promise<void> {
  const { uid, gid } = await stat(dirname(to));
  const made = `${to}.new`;
  await copyFile(from, made);
  await chown(made, uid, gid);
  await rename(made, to);
}
