// What the pods of forwarder and inspector have in common: identity, security context, probes, scheduling. Pure.
import {
  COMPONENT_LABEL,
  commandOf,
  type InstallConfig,
  MANAGED_LABEL,
  MANAGED_VALUE,
  PORTS,
  SIDECAR_UID,
} from '@echoplane/resources';

export type Component = 'forwarder' | 'inspector';

/** What an installation is made of. */
export interface Installation {
  install: InstallConfig;
  namespace: string;
  /** Image of the component: that of install.json, or the one an upgrade put in its place. */
  image: string;
}

export function labelsOf(component: Component): Record<string, string> {
  return { [MANAGED_LABEL]: MANAGED_VALUE, [COMPONENT_LABEL]: component };
}

/** Reads a mounted Secret without the right to change it; the group is that of the pod. */
export const SECRET_MODE = 0o440;

export function env(values: Readonly<Record<string, string>>): object[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

/** The variables every component has beside its own. */
export const AGENT_NAME = {
  name: 'ECHOPLANE_AGENT_NAME',
  valueFrom: { fieldRef: { fieldPath: 'metadata.name' } },
};

/** The container, which passes Pod Security `restricted`. */
export function container({ install, image }: Installation, component: Component, more: object): object {
  const probe = (path: string, failureThreshold: number) => ({
    httpGet: { path, port: 'admin' },
    ...{ periodSeconds: 10, timeoutSeconds: 5, failureThreshold },
  });
  return {
    name: component,
    image,
    imagePullPolicy: install.imagePullPolicy,
    command: commandOf(component),
    resources: install[component].resources,
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    livenessProbe: probe('/healthz', 6),
    readinessProbe: probe('/readyz', 1),
    ...more,
  };
}

/** The pod; `annotations` change when it must be replaced. */
export function podTemplate(
  { install }: Installation,
  component: Component,
  spec: object,
): { metadata: object; spec: object } {
  const { nodeSelector, tolerations, affinity, priorityClassName } = install[component];
  return {
    metadata: { labels: labelsOf(component) },
    spec: {
      serviceAccountName: `echoplane-${component}`,
      imagePullSecrets: install.imagePullSecrets,
      securityContext: {
        runAsNonRoot: true,
        ...{ runAsUser: SIDECAR_UID, runAsGroup: SIDECAR_UID, fsGroup: SIDECAR_UID },
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      nodeSelector,
      tolerations,
      ...(affinity === undefined ? {} : { affinity }),
      ...(priorityClassName === undefined ? {} : { priorityClassName }),
      ...spec,
    },
  };
}

export const ADMIN_PORT = { name: 'admin', containerPort: PORTS.admin };
