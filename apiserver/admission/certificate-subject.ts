// Nobody becomes an administrator by a certificate request (upstream: CertificateSubjectRestriction).
import { StatusError } from '../../api/status.ts';
import type { CertificateSigningRequest } from '../../api/types/certificates.v1.ts';
import { MASTERS } from '../authentication/user.ts';
import type { Admission } from '../registry/registry.ts';

const SIGNER = 'kubernetes.io/kube-apiserver-client';

export const certificateSubject: Admission = {
  name: 'CertificateSubjectRestriction',
  async admit(_registry, { kind, subresource }, object, old) {
    if (kind.kind !== 'CertificateSigningRequest' || kind.group !== 'certificates.k8s.io' || old || subresource) return;
    const { spec, metadata } = object as unknown as CertificateSigningRequest;
    if (spec.signerName !== SIGNER) return;
    const { readCertificateRequest } = await import('../certificate-request.ts');
    if (!organizationsIn(spec.request, readCertificateRequest).includes(MASTERS)) return;
    const why = `use of ${SIGNER} signer with ${MASTERS} group is not allowed`;
    throw StatusError.forbidden(kind, metadata.name, why);
  },
};

/** None of what is no request: validation says so. */
function organizationsIn(
  request: string | undefined,
  read: (pem: string) => { organizations: readonly string[] },
): readonly string[] {
  try {
    return read(Buffer.from(request ?? '', 'base64').toString()).organizations;
  } catch {
    return [];
  }
}
