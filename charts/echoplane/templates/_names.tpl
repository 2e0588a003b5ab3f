{{/* Names are those of packages/resources/src/names.ts; a test holds them together. */}}

{{- define "echoplane.labels" -}}
app.kubernetes.io/part-of: echoplane
app.kubernetes.io/name: echoplane
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Labels of one component: (list . "operator") */}}
{{- define "echoplane.componentLabels" -}}
{{ include "echoplane.labels" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "echoplane.selector" -}}
app.kubernetes.io/part-of: echoplane
app.kubernetes.io/component: {{ . }}
{{- end }}

{{- define "echoplane.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "echoplane.secretName" -}}
{{ .Values.existingSecret | default "echoplane-cloud" }}
{{- end }}

{{/* The pod of the operator and of the job that cleans up: (dict "root" . "args" (list)). */}}
{{- define "echoplane.operatorPod" -}}
{{- with .root -}}
serviceAccountName: echoplane-operator
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.operator.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.operator.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.operator.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 4140
  runAsGroup: 4140
  seccompProfile: { type: RuntimeDefault }
containers:
  - name: operator
    image: {{ include "echoplane.image" . }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    command: {{ concat (list "/usr/local/bin/node" "--max-semi-space-size=4" "--max-old-space-size=192" "/opt/echoplane/operator/main.js") $.args | toJson }}
    env:
      - { name: ECHOPLANE_NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
      - { name: ECHOPLANE_POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
      - { name: ECHOPLANE_INSTALL_FILE, value: /etc/echoplane/install.json }
      - { name: ECHOPLANE_LOG_LEVEL, value: {{ .Values.operator.logLevel }} }
      - name: ECHOPLANE_API_KEY
        valueFrom: { secretKeyRef: { name: {{ include "echoplane.secretName" . }}, key: apiKey } }
    {{- with $.extra }}
    {{- . | nindent 4 }}
    {{- end }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: { drop: [ALL] }
    resources: {{ toYaml .Values.operator.resources | nindent 6 }}
    volumeMounts:
      - { name: install, mountPath: /etc/echoplane, readOnly: true }
      - { name: tmp, mountPath: /tmp }
volumes:
  - { name: install, configMap: { name: echoplane-install } }
  - { name: tmp, emptyDir: { sizeLimit: 64Mi } }
{{- end -}}
{{- end }}
