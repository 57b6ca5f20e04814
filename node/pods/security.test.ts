import { describe, expect, it } from 'vitest';
import type { PodSecurityContext, SecurityContext } from '../../api/types/core.v1.ts';
import { checkNonRoot, containerSecurity } from './security.ts';

const subject = (ofPod?: PodSecurityContext, own?: SecurityContext) => {
  const container = { name: 'c', securityContext: own };
  const metadata = { name: 'web', namespace: 'default', uid: 'u' };
  return { pod: { metadata, spec: { containers: [container], securityContext: ofPod } }, container };
};

it.each<[PodSecurityContext | undefined, SecurityContext | undefined, number | undefined, number | undefined]>([
  [undefined, undefined, undefined, undefined],
  [{ runAsUser: 1, runAsGroup: 2, fsGroup: 3 }, undefined, 1, 2],
  [{ runAsUser: 1, fsGroup: 3 }, { runAsUser: 5 }, 5, 3],
  [{ runAsGroup: 2 }, { runAsGroup: 0 }, undefined, 0],
])('pod %j, container %j: user %s, group %s', (ofPod, own, uid, gid) => {
  const { pod, container } = subject(ofPod, own);
  expect(containerSecurity(pod, container)).toMatchObject({ uid, gid });
});

it.each([
  [{ allowPrivilegeEscalation: false }, true],
  [{ allowPrivilegeEscalation: true }, false],
  [{}, false],
])('%j gains no privileges: %s', (own, expected) => {
  const { pod, container } = subject(undefined, own);
  expect(containerSecurity(pod, container).noNewPrivileges).toBe(expected);
});

describe('runAsNonRoot', () => {
  const verdict = (ofPod: PodSecurityContext, own: SecurityContext, imageUser?: string): string => {
    const { pod, container } = subject(ofPod, own);
    try {
      checkNonRoot(pod, container, imageUser);
      return 'runs';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const where = '(pod: "web_default(u)", container: c)';

  it.each<[PodSecurityContext, SecurityContext, string | undefined, string]>([
    [{}, {}, undefined, 'runs'],
    [{ runAsNonRoot: true }, {}, undefined, `container has runAsNonRoot and image will run as root ${where}`],
    [{ runAsNonRoot: true }, {}, '0:0', `container has runAsNonRoot and image will run as root ${where}`],
    [{ runAsNonRoot: true }, { runAsNonRoot: false }, undefined, 'runs'],
    [{ runAsNonRoot: true }, { runAsUser: 0 }, undefined, `container's runAsUser breaks non-root policy ${where}`],
    [{ runAsNonRoot: true, runAsUser: 7 }, {}, undefined, 'runs'],
    [{ runAsNonRoot: true }, {}, '1000:1000', 'runs'],
    [
      { runAsNonRoot: true },
      {},
      'web',
      `container has runAsNonRoot and image has non-numeric user (web), cannot verify user is non-root ${where}`,
    ],
  ])('%j %j with the image user %s: %s', (ofPod, own, imageUser, expected) => {
    expect(verdict(ofPod, own, imageUser)).toBe(expected);
  });
});
