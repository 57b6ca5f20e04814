// Defaults of a pod's spec, in pods and in pod templates alike (k8s.io/kubernetes v1.36 pkg/apis/core/v1/defaults.go).
import type { Container, EphemeralContainer, HTTPGetAction, PodSpec, Probe, Volume } from '../../types/core.v1.ts';

const MODE = 0o644;

/** Every container of the spec, init containers first. */
export function containersOf(spec: PodSpec): Array<Container | EphemeralContainer> {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
}

/** Fields behind feature gates that are off: nobody gets them stored. */
function dropDisabled(spec: PodSpec): void {
  delete spec.schedulingGroup;
  for (const { lifecycle } of containersOf(spec)) delete lifecycle?.stopSignal;
  for (const source of spec.volumes?.flatMap(({ projected }) => projected?.sources ?? []) ?? []) {
    delete source.clusterTrustBundle;
    delete source.podCertificate;
  }
}

export function defaultPodSpec(spec: PodSpec): void {
  dropDisabled(spec);
  spec.dnsPolicy ??= 'ClusterFirst';
  spec.restartPolicy ??= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ??= 'default-scheduler';
  // The deprecated alias always says the same.
  spec.serviceAccountName ??= spec.serviceAccount;
  spec.serviceAccount = spec.serviceAccountName;
  if (spec.serviceAccountName === undefined) {
    delete spec.serviceAccount;
    delete spec.serviceAccountName;
  }
  for (const container of containersOf(spec)) defaultContainer(container, spec);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
}

function defaultContainer(container: Container | EphemeralContainer, spec: PodSpec): void {
  container.imagePullPolicy ??= isLatest(container.image ?? '') ? 'Always' : 'IfNotPresent';
  container.terminationMessagePath ??= '/dev/termination-log';
  container.terminationMessagePolicy ??= 'File';
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe) defaultProbe(probe);
  }
  for (const handler of [container.lifecycle?.postStart, container.lifecycle?.preStop]) {
    if (handler?.httpGet) defaultHttpGet(handler.httpGet);
  }
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ??= 'v1';
    if (valueFrom?.resourceFieldRef) valueFrom.resourceFieldRef.divisor ??= '0';
  }
  if (spec.hostNetwork) for (const port of container.ports ?? []) port.hostPort ??= port.containerPort;
}

const PART = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
/** `registry:5000/path/name:tag@digest` */
const IMAGE = new RegExp(
  `^(?![^:@]{256})(?:[a-zA-Z0-9.-]+(?::\\d+)?/)?${PART}(?:/${PART})*(?::[\\w][\\w.-]{0,127})?(?:@.+)?$`,
);

/** An image without a tag or digest, or tagged `latest`. What is no image's name has no tag either. */
function isLatest(image: string): boolean {
  if (image.includes('@') || !IMAGE.test(image)) return false;
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return image !== '' && (tag === undefined || tag === 'latest');
}

function defaultProbe(probe: Probe): void {
  probe.timeoutSeconds ??= 1;
  probe.periodSeconds ??= 10;
  probe.successThreshold ??= 1;
  probe.failureThreshold ??= 3;
  if (probe.httpGet) defaultHttpGet(probe.httpGet);
}

function defaultHttpGet(action: HTTPGetAction): void {
  action.path ??= '/';
  action.scheme ??= 'HTTP';
}

function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {};
  if (volume.secret) volume.secret.defaultMode ??= MODE;
  if (volume.configMap) volume.configMap.defaultMode ??= MODE;
  if (volume.hostPath) volume.hostPath.type ??= '' as never;
  if (volume.ephemeral?.volumeClaimTemplate) volume.ephemeral.volumeClaimTemplate.spec.volumeMode ??= 'Filesystem';
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= MODE;
    for (const { fieldRef } of volume.downwardAPI.items ?? []) if (fieldRef) fieldRef.apiVersion ??= 'v1';
  }
  if (!volume.projected) return;
  volume.projected.defaultMode ??= MODE;
  for (const { serviceAccountToken, downwardAPI } of volume.projected.sources ?? []) {
    if (serviceAccountToken) serviceAccountToken.expirationSeconds ??= 3600;
    for (const { fieldRef } of downwardAPI?.items ?? []) if (fieldRef) fieldRef.apiVersion ??= 'v1';
  }
}

/** What a container asks for: its limits where it does not say. Pods only; templates keep what was written. */
export function defaultRequests(spec: PodSpec): void {
  for (const container of containersOf(spec)) {
    const resources = container.resources;
    for (const [name, limit] of Object.entries(resources?.limits ?? {})) {
      resources!.requests ??= {};
      resources!.requests[name] ??= limit;
    }
  }
}
