// The list of kinds with rules of their own; every other kind has its schema's only.
import type { Rules } from '../kind.ts';
import {
  mutatingAdmissionPolicy,
  mutatingAdmissionPolicyBinding,
  validatingAdmissionPolicy,
  validatingAdmissionPolicyBinding,
} from './admissionpolicy.ts';
import { apiService } from './apiservice.ts';
import { certificateSigningRequest } from './certificatesigningrequest.ts';
import { configMap } from './configmap.ts';
import { controllerRevision } from './controllerrevision.ts';
import { cronJob } from './cronjob.ts';
import { csiDriver, csiNode, csiStorageCapacity, volumeAttachment } from './csi.ts';
import { daemonSet } from './daemonset.ts';
import { deployment } from './deployment.ts';
import { deviceClass } from './devices/deviceclass.ts';
import { resourceClaim, resourceClaimTemplate } from './devices/resourceclaim.ts';
import { resourceSlice } from './devices/resourceslice.ts';
import { endpoints } from './endpoints.ts';
import { endpointSlice } from './endpointslice.ts';
import { event, newEvent } from './event.ts';
import { flowSchema, priorityLevelConfiguration } from './flowcontrol.ts';
import { horizontalPodAutoscaler, horizontalPodAutoscalerV1 } from './horizontalpodautoscaler.ts';
import { ingress, ingressClass } from './ingress.ts';
import { ipAddress } from './ipaddress.ts';
import { job } from './job.ts';
import { lease } from './lease.ts';
import { limitRange } from './limitrange.ts';
import { namespace } from './namespace.ts';
import { networkPolicy } from './networkpolicy.ts';
import { node } from './node.ts';
import { persistentVolume } from './persistentvolume.ts';
import { persistentVolumeClaim } from './persistentvolumeclaim.ts';
import { pod } from './pod.ts';
import { podDisruptionBudget } from './poddisruptionbudget.ts';
import { podTemplate } from './podtemplate.ts';
import { priorityClass } from './priorityclass.ts';
import { replicaSet } from './replicaset.ts';
import { replicationController } from './replicationcontroller.ts';
import { resourceQuota } from './resourcequota.ts';
import { clusterRole, role } from './role.ts';
import { clusterRoleBinding, roleBinding } from './rolebinding.ts';
import { runtimeClass } from './runtimeclass.ts';
import { secret } from './secret.ts';
import { service } from './service.ts';
import { serviceAccount } from './serviceaccount.ts';
import { serviceCIDR } from './servicecidr.ts';
import { statefulSet } from './statefulset.ts';
import { storageClass, volumeAttributesClass } from './storageclass.ts';
import { mutatingWebhookConfiguration, validatingWebhookConfiguration } from './webhookconfiguration.ts';

/** By `group/Kind`, or `group/version/Kind` where versions differ. */
const RULES: Readonly<Record<string, unknown>> = {
  '/ConfigMap': configMap,
  '/Endpoints': endpoints,
  '/Event': event,
  '/LimitRange': limitRange,
  '/Namespace': namespace,
  '/Node': node,
  '/PersistentVolume': persistentVolume,
  '/PersistentVolumeClaim': persistentVolumeClaim,
  '/Pod': pod,
  '/PodTemplate': podTemplate,
  '/ReplicationController': replicationController,
  '/ResourceQuota': resourceQuota,
  '/Secret': secret,
  '/Service': service,
  '/ServiceAccount': serviceAccount,
  'admissionregistration.k8s.io/MutatingAdmissionPolicy': mutatingAdmissionPolicy,
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding': mutatingAdmissionPolicyBinding,
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': mutatingWebhookConfiguration,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': validatingAdmissionPolicy,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding': validatingAdmissionPolicyBinding,
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': validatingWebhookConfiguration,
  'apiregistration.k8s.io/APIService': apiService,
  'apps/ControllerRevision': controllerRevision,
  'apps/DaemonSet': daemonSet,
  'apps/Deployment': deployment,
  'apps/ReplicaSet': replicaSet,
  'apps/StatefulSet': statefulSet,
  'autoscaling/HorizontalPodAutoscaler': horizontalPodAutoscaler,
  'autoscaling/v1/HorizontalPodAutoscaler': horizontalPodAutoscalerV1,
  'batch/CronJob': cronJob,
  'batch/Job': job,
  'certificates.k8s.io/CertificateSigningRequest': certificateSigningRequest,
  'coordination.k8s.io/Lease': lease,
  'discovery.k8s.io/EndpointSlice': endpointSlice,
  'events.k8s.io/Event': newEvent,
  'flowcontrol.apiserver.k8s.io/FlowSchema': flowSchema,
  'flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration': priorityLevelConfiguration,
  'networking.k8s.io/IPAddress': ipAddress,
  'networking.k8s.io/Ingress': ingress,
  'networking.k8s.io/IngressClass': ingressClass,
  'networking.k8s.io/NetworkPolicy': networkPolicy,
  'networking.k8s.io/ServiceCIDR': serviceCIDR,
  'node.k8s.io/RuntimeClass': runtimeClass,
  'policy/PodDisruptionBudget': podDisruptionBudget,
  'rbac.authorization.k8s.io/ClusterRole': clusterRole,
  'rbac.authorization.k8s.io/ClusterRoleBinding': clusterRoleBinding,
  'rbac.authorization.k8s.io/Role': role,
  'rbac.authorization.k8s.io/RoleBinding': roleBinding,
  'resource.k8s.io/DeviceClass': deviceClass,
  'resource.k8s.io/ResourceClaim': resourceClaim,
  'resource.k8s.io/ResourceClaimTemplate': resourceClaimTemplate,
  'resource.k8s.io/ResourceSlice': resourceSlice,
  'scheduling.k8s.io/PriorityClass': priorityClass,
  'storage.k8s.io/CSIDriver': csiDriver,
  'storage.k8s.io/CSINode': csiNode,
  'storage.k8s.io/CSIStorageCapacity': csiStorageCapacity,
  'storage.k8s.io/StorageClass': storageClass,
  'storage.k8s.io/VolumeAttachment': volumeAttachment,
  'storage.k8s.io/VolumeAttributesClass': volumeAttributesClass,
};

/** The rules of one version of a kind; none is an empty set. */
export function rulesOf(group: string, version: string, kind: string): Rules {
  return (RULES[`${group}/${version}/${kind}`] ?? RULES[`${group}/${kind}`] ?? {}) as Rules;
}
