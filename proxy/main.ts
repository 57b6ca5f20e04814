// The program `vitrine proxy`: kube-proxy for one node.

import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { stringify } from 'yaml';
import { hostPort } from '../api/ip.ts';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { RestClient } from '../client/rest.ts';
import { UsageError } from '../host/lifecycle.ts';
import { program } from '../host/program.ts';
import { type KubeProxyConfiguration, shownConfiguration } from './configuration.ts';
import { chosen, FLAGS, IGNORED, shownFlags } from './flags.ts';
import type { ProxyOptions } from './node-facts.ts';
import type { DetectLocal } from './plan.ts';
import { cleanup, defaultOptions, kernelFamilies, PROXY_MODES, type ProxyMode, runProxy } from './proxy.ts';
import { ROUTE_LOCALNET, setConntrackSysctls, setOutOfMemoryScore, setSysctl } from './sysctls.ts';

export const proxy = program({
  name: 'proxy',
  summary: 'kube-proxy: keeps the rules of one node as Services and EndpointSlices say',
  flags: { ...FLAGS, ...IGNORED } as typeof FLAGS,
  async run(flags, { signal, log }) {
    const { configuration, unknown, nodeName } = await chosen(flags);
    const mode = modeOf(configuration);
    if (flags['write-config-to']) {
      await writeFile(flags['write-config-to'], stringify(shownConfiguration({ ...configuration, mode })));
      return 0;
    }
    if (flags.cleanup) {
      for (const one of PROXY_MODES) await cleanup(await kernelFamilies(one), undefined, { only: one });
      return 0;
    }
    if (unknown.length > 0) log.warn({ fields: unknown }, 'fields of the configuration that nobody knows are ignored');
    const { kubeconfig, qps, burst } = configuration.clientConnection;
    log.debug({ mode, qps, burst }, 'starting');
    const options = optionsOf(configuration, mode, nodeName);
    await setConntrackSysctls(configuration.conntrack, cpus().length, log);
    if (flags['init-only']) {
      if (options.localhostNodePorts) await setSysctl(ROUTE_LOCALNET, '1', log);
      return 0;
    }
    await setOutOfMemoryScore(configuration.oomScoreAdj, log);
    const connection = await loadKubeconfig(kubeconfig);
    const client = new RestClient(
      { ...connection, server: flags.master || connection.server },
      { userAgent: 'kube-proxy' },
    );
    await runProxy({
      client,
      mode,
      options,
      syncPeriodMs: configuration[mode].syncPeriod || undefined,
      healthzBindAddress: boundTo(configuration, configuration.healthzBindAddress),
      bindAddressHardFail: configuration.bindAddressHardFail,
      metricsBindAddress: boundTo(configuration, configuration.metricsBindAddress),
      configuration: shownConfiguration({ ...configuration, mode, hostnameOverride: nodeName }),
      flags: shownFlags(flags),
      signal,
      log,
    });
    await client.close();
    return 0;
  },
});

function modeOf({ mode }: KubeProxyConfiguration): ProxyMode {
  const known = PROXY_MODES.find((one) => one === (mode || 'iptables'));
  if (!known)
    throw new UsageError(`proxy mode ${JSON.stringify(mode)} is not supported; there are ${PROXY_MODES.join(', ')}`);
  return known;
}

/** `:10256` and `10256` stand for the bind address's port. */
function boundTo({ bindAddress }: KubeProxyConfiguration, address: string): string {
  const [, port] = /^:?(\d+)$/.exec(address) ?? [];
  if (port === undefined) return address;
  return hostPort(bindAddress, port);
}

function optionsOf(configuration: KubeProxyConfiguration, mode: ProxyMode, nodeName: string): ProxyOptions {
  const defaults = defaultOptions(nodeName, mode);
  const { clusterCIDR, detectLocal, detectLocalMode, nodePortAddresses, iptables } = configuration;
  return {
    ...defaults,
    clusterCIDRs: clusterCIDR
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean),
    detectLocalMode: (detectLocalMode || defaults.detectLocalMode) as DetectLocal['mode'],
    bridgeInterface: detectLocal.bridgeInterface || undefined,
    interfaceNamePrefix: detectLocal.interfaceNamePrefix || undefined,
    nodePortAddresses: nodePortAddresses ?? defaults.nodePortAddresses,
    masqueradeAll: configuration[mode].masqueradeAll,
    masqueradeBit: configuration[mode].masqueradeBit,
    localhostNodePorts: iptables.localhostNodePorts && defaults.localhostNodePorts,
  };
}
