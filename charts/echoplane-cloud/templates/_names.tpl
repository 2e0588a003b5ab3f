{{- define "cloud.labels" -}}
app.kubernetes.io/name: echoplane-cloud
app.kubernetes.io/part-of: echoplane-cloud
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* (list . "serve") */}}
{{- define "cloud.componentLabels" -}}
{{ include "cloud.labels" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "cloud.selector" -}}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/part-of: echoplane-cloud
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "cloud.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "cloud.secretName" -}}
{{ .Values.existingSecret | default "echoplane-cloud-access" }}
{{- end }}

{{/* A variable from the Secret: (list . "NAME" "key") */}}
{{- define "cloud.secretEnv" -}}
- { name: {{ index . 1 }}, valueFrom: { secretKeyRef: { name: {{ include "cloud.secretName" (index . 0) }}, key: {{ index . 2 }} } } }
{{- end }}

{{/* Address of the database for a role; the password is put in by the kubelet: (list . "role" "PASSWORD_VARIABLE") */}}
{{- define "cloud.databaseUrl" -}}
{{- $root := index . 0 -}}
{{- $database := $root.Values.database -}}
{{- if eq $root.Values.profile "trial" -}}
postgres://{{ index . 1 }}:$({{ index . 2 }})@echoplane-cloud-postgres:5432/echoplane
{{- else -}}
postgres://{{ index . 1 }}:$({{ index . 2 }})@{{ $database.host }}:{{ $database.port }}/{{ $database.name }}
{{- with $database.parameters }}?{{ . }}{{ end }}
{{- end -}}
{{- end }}

{{- define "cloud.owner" -}}
{{ eq .Values.profile "trial" | ternary "echoplane_owner" .Values.database.owner }}
{{- end }}

{{/* What serve and worker have in common: database and store. */}}
{{- define "cloud.env" -}}
{{ include "cloud.secretEnv" (list . "APP_PASSWORD" "appPassword") }}
{{ include "cloud.secretEnv" (list . "PLATFORM_PASSWORD" "platformPassword") }}
- { name: ECHOPLANE_DATABASE_URL, value: {{ include "cloud.databaseUrl" (list . "echoplane_app" "APP_PASSWORD") | quote }} }
- { name: ECHOPLANE_PLATFORM_DATABASE_URL, value: {{ include "cloud.databaseUrl" (list . "echoplane_platform" "PLATFORM_PASSWORD") | quote }} }
- { name: ECHOPLANE_LOG_LEVEL, value: {{ .Values.logLevel }} }
{{- if eq .Values.profile "trial" }}
- { name: ECHOPLANE_STORE_DIR, value: /var/lib/echoplane/store }
{{- else }}
{{- with .Values.store.s3 }}
- { name: ECHOPLANE_S3_BUCKET, value: {{ .bucket | quote }} }
- { name: ECHOPLANE_S3_PREFIX, value: {{ .prefix | quote }} }
- { name: ECHOPLANE_S3_REGION, value: {{ .region | quote }} }
- { name: ECHOPLANE_S3_ENDPOINT, value: {{ .endpoint | quote }} }
- { name: ECHOPLANE_S3_PATH_STYLE, value: {{ .pathStyle | quote }} }
- { name: ECHOPLANE_S3_KMS_KEY_ID, value: {{ .kmsKeyId | quote }} }
{{- end }}
{{- end }}
{{- end }}

{{- define "cloud.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end }}

{{/* One of our containers: (dict "root" . "name" "serve" "resources" …) */}}
{{- define "cloud.container" -}}
- name: {{ .name }}
  image: {{ include "cloud.image" .root }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: [/usr/local/bin/node, /opt/echoplane/cloud/main.js, {{ .name }}]
  {{- include "cloud.containerSecurity" . | nindent 2 }}
  resources: {{ toYaml .resources | nindent 4 }}
  volumeMounts:
    - { name: tmp, mountPath: /tmp }
    {{- if and (eq .root.Values.profile "trial") (ne .name "init") }}
    - { name: store, mountPath: /var/lib/echoplane }
    {{- end }}
  {{- if ne .name "init" }}
  {{- with .root.Values.store.envFromSecrets }}
  envFrom:
    {{- range . }}
    - secretRef: { name: {{ . }} }
    {{- end }}
  {{- end }}
  {{- end }}
{{- end }}

{{/* Brings database, first tenant, admin and keys up to date; several at once take turns, and what is there stays. */}}
{{- define "cloud.init" -}}
{{ include "cloud.container" (dict "root" . "name" "init" "resources" .Values.serve.resources) }}
  env:
    {{- include "cloud.secretEnv" (list . "OWNER_PASSWORD" "ownerPassword") | nindent 4 }}
    - { name: ECHOPLANE_OWNER_DATABASE_URL, value: {{ include "cloud.databaseUrl" (list . (include "cloud.owner" .) "OWNER_PASSWORD") | quote }} }
    {{- include "cloud.secretEnv" (list . "ECHOPLANE_APP_PASSWORD" "appPassword") | nindent 4 }}
    {{- include "cloud.secretEnv" (list . "ECHOPLANE_PLATFORM_PASSWORD" "platformPassword") | nindent 4 }}
    {{- include "cloud.secretEnv" (list . "ECHOPLANE_USER_PASSWORD" "adminPassword") | nindent 4 }}
    {{- include "cloud.secretEnv" (list . "ECHOPLANE_AGENT_KEY" "agentKey") | nindent 4 }}
    {{- include "cloud.secretEnv" (list . "ECHOPLANE_API_KEY" "apiKey") | nindent 4 }}
    - { name: ECHOPLANE_TENANT_NAME, value: {{ .Values.tenantName | quote }} }
    - { name: ECHOPLANE_USER_EMAIL, value: {{ .Values.admin.email | quote }} }
{{- end }}

{{/* What the pods have in common: (dict "root" . "of" .Values.serve) */}}
{{- define "cloud.pod" -}}
serviceAccountName: echoplane-cloud
automountServiceAccountToken: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .of.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .of.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .of.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .of.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 4140
  runAsGroup: 4140
  fsGroup: 4140
  seccompProfile: { type: RuntimeDefault }
terminationGracePeriodSeconds: 60
volumes:
  - { name: tmp, emptyDir: { sizeLimit: 1Gi } }
  {{- if eq .root.Values.profile "trial" }}
  {{- if .root.Values.store.folder.ephemeral }}
  - { name: store, emptyDir: {} }
  {{- else }}
  - { name: store, persistentVolumeClaim: { claimName: echoplane-cloud-store } }
  {{- end }}
  {{- end }}
initContainers:
  {{- include "cloud.init" .root | nindent 2 }}
{{- end }}
