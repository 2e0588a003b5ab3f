{{/*
What each of our accounts may do, and why. "namespaced" rules hold in every namespace in which we work: in a ClusterRole,
or, with `namespaces`, in a Role in each. "cluster" rules are needed in any case, "whole" ones only without `namespaces`.
*/}}

{{/* Capturing changes annotations of workloads and nothing else; pods are never deleted. */}}
{{- define "echoplane.rules.operator.namespaced" -}}
- { apiGroups: [apps], resources: [deployments, statefulsets, daemonsets, replicasets], verbs: [get, list, watch, patch] }
- { apiGroups: [batch], resources: [jobs, cronjobs], verbs: [get, list, watch, patch] }
- { apiGroups: [argoproj.io], resources: [rollouts], verbs: [get, list, watch, patch] }
- { apiGroups: [""], resources: [pods], verbs: [get, list, watch] }
# Names of destinations; and the numeric targetPort of a Service whose port moves to a sidecar without redirection.
- { apiGroups: [""], resources: [services], verbs: [get, list, watch, patch] }
- { apiGroups: ["", events.k8s.io], resources: [events], verbs: [get, create, patch] }
# Its labels: Pod Security, whether replays are allowed, hands off.
- { apiGroups: [""], resources: [namespaces], verbs: [get] }
# Its own Secret echoplane-ca. RBAC cannot limit the name of what is created: it may make Secrets, and read none but this.
- { apiGroups: [""], resources: [secrets], verbs: [create] }
- { apiGroups: [""], resources: [secrets], resourceNames: [echoplane-ca], verbs: [get, update, patch, delete] }
- { apiGroups: [echoplane.dev], resources: [trafficreplays], verbs: [get, list, watch, create, update, patch, delete] }
- { apiGroups: [echoplane.dev], resources: [captureconfigs], verbs: [get, list, watch] }
- { apiGroups: [echoplane.dev], resources: [trafficreplays/status], verbs: [update, patch] }
{{- end }}

{{- define "echoplane.rules.operator.cluster" -}}
- { apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create] }
# The certificate of its webhooks, which the chart makes.
- { apiGroups: [admissionregistration.k8s.io], resources: [mutatingwebhookconfigurations, validatingwebhookconfigurations], resourceNames: [echoplane], verbs: [get, patch] }
{{- end }}

{{- define "echoplane.rules.operator.whole" -}}
- { apiGroups: [""], resources: [namespaces], verbs: [list, watch] }
- { apiGroups: [echoplane.dev], resources: [clustercaptureconfigs], verbs: [get, list, watch] }
{{- end }}

{{/* In our own namespace: forwarder, inspector, certificates, and the pods of replays. */}}
{{- define "echoplane.rules.operator.install" -}}
- { apiGroups: [apps], resources: [deployments, statefulsets], verbs: [get, list, watch, create, update, patch, delete] }
- { apiGroups: [batch], resources: [jobs], verbs: [get, list, watch, create, update, patch, delete] }
- { apiGroups: [""], resources: [services, configmaps, secrets], verbs: [get, list, watch, create, update, patch, delete] }
# The forwarder's, when it is uninstalled with nothing left on it.
- { apiGroups: [""], resources: [persistentvolumeclaims], verbs: [list, delete] }
- { apiGroups: [""], resources: [pods], verbs: [get, list, watch, patch] }
- { apiGroups: ["", events.k8s.io], resources: [events], verbs: [get, create, patch] }
- { apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, list, watch, create, update, patch, delete] }
{{- end }}

{{/* Whose traffic a sidecar sends follows from its token and its pod. */}}
{{- define "echoplane.rules.forwarder.cluster" -}}
- { apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create] }
{{- end }}
{{- define "echoplane.rules.forwarder.namespaced" -}}
- { apiGroups: [""], resources: [pods], verbs: [get] }
{{- end }}

{{/* The commands of the dashboard, one for one. Logs cannot be limited to our own containers: the inspector refuses others. */}}
{{- define "echoplane.rules.inspector.namespaced" -}}
- { apiGroups: [apps], resources: [deployments, statefulsets, daemonsets], verbs: [get, list, patch] }
- { apiGroups: [batch], resources: [cronjobs], verbs: [get, list, patch] }
- { apiGroups: [argoproj.io], resources: [rollouts], verbs: [get, list, patch] }
# Its labels: hands off.
- { apiGroups: [""], resources: [namespaces], verbs: [get] }
- { apiGroups: [""], resources: [pods], verbs: [get, list] }
- { apiGroups: [""], resources: [pods/log], verbs: [get] }
# Each command that changed something is an Event there.
- { apiGroups: [""], resources: [events], verbs: [get, create, patch] }
- { apiGroups: [echoplane.dev], resources: [trafficreplays], verbs: [get, create, patch] }
{{- end }}
{{/* What "diagnose" looks at. */}}
{{- define "echoplane.rules.inspector.cluster" -}}
- { apiGroups: [""], resources: [nodes], verbs: [list] }
- { apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], resourceNames: [trafficreplays.echoplane.dev, captureconfigs.echoplane.dev, clustercaptureconfigs.echoplane.dev], verbs: [get] }
- { apiGroups: [admissionregistration.k8s.io], resources: [mutatingwebhookconfigurations, validatingwebhookconfigurations], resourceNames: [echoplane], verbs: [get] }
- { apiGroups: [authorization.k8s.io], resources: [subjectaccessreviews], verbs: [create] }
{{- end }}
{{/* In our own namespace: what it remembers, where it works, and the components. */}}
{{- define "echoplane.rules.inspector.install" -}}
- { apiGroups: [""], resources: [configmaps], verbs: [create] }
- { apiGroups: [""], resources: [configmaps], resourceNames: [echoplane-inspector], verbs: [get, update] }
- { apiGroups: [""], resources: [configmaps], resourceNames: [echoplane-install], verbs: [get] }
- { apiGroups: [apps], resources: [deployments], resourceNames: [echoplane-operator], verbs: [get] }
- { apiGroups: [apps], resources: [statefulsets], resourceNames: [echoplane-forwarder], verbs: [get] }
- { apiGroups: [""], resources: [pods, pods/log], verbs: [get] }
{{- end }}

{{/* The collector: logs, Events and resources of the service under test. */}}
{{- define "echoplane.rules.replay.whole" -}}
# The kubelet's /metrics/resource, where there is no metrics-server.
- { apiGroups: [""], resources: [nodes/metrics], verbs: [get] }
{{- end }}
{{- define "echoplane.rules.replay.namespaced" -}}
- { apiGroups: [""], resources: [pods], verbs: [get, list, watch] }
- { apiGroups: [""], resources: [pods/log], verbs: [get] }
- { apiGroups: [""], resources: [events], verbs: [list, watch] }
- { apiGroups: [metrics.k8s.io], resources: [pods], verbs: [get, list] }
{{- end }}

{{- define "echoplane.rules.forwarder.whole" }}{{ end }}
{{- define "echoplane.rules.inspector.whole" }}{{ end }}
{{- define "echoplane.rules.replay.cluster" }}{{ end }}
