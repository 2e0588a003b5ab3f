{{- define "demo.labels" -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/part-of: echoplane-demo
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version }}
{{- end }}

{{- define "demo.selector" -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- end }}

{{- define "demo.image" -}}
{{- if not .Values.image.repository }}
{{- fail "\n\nimage.repository is missing: where this cluster pulls the demo's image from, such as --set image.repository=registry.example.com/echoplane-demo; make it with npm run image -- --demo" }}
{{- end -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "demo.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end }}

{{/* Not 4140: traffic of that user is the sidecar's own. */}}
{{- define "demo.podSecurity" -}}
securityContext: { runAsNonRoot: true, runAsUser: {{ . }}, runAsGroup: {{ . }}, fsGroup: {{ . }}, seccompProfile: { type: RuntimeDefault } }
automountServiceAccountToken: false
{{- end }}

{{/*
A Deployment of one of the demo's programs, and its Service:
(dict "root" . "name" "shop" "port" 8080 "env" (list …) "annotations" … "secret" name-of-a-Secret-with-files "ready" path)
*/}}
{{- define "demo.program" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{ include "demo.labels" (list .root .name) | nindent 4 }}
  {{- with .annotations }}
  annotations: {{ toYaml . | nindent 4 }}
  {{- end }}
spec:
  replicas: 1
  selector:
    matchLabels: {{ include "demo.selector" (list .root .name) | nindent 6 }}
  template:
    metadata:
      labels: {{ include "demo.labels" (list .root .name) | nindent 8 }}
    spec:
      {{- include "demo.podSecurity" 1000 | nindent 6 }}
      {{- with .root.Values.image.pullSecrets }}
      imagePullSecrets: {{ toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .name }}
          image: {{ include "demo.image" .root }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          command: [/usr/local/bin/node, /opt/echoplane/demo-{{ .name }}/main.js]
          env: {{ toYaml (.port | empty | not | ternary (prepend .env (dict "name" "HOST" "value" "0.0.0.0")) .env) | nindent 12 }}
          {{- if .port }}
          ports:
            - { name: http, containerPort: {{ .port }} }
          readinessProbe: { tcpSocket: { port: http }, periodSeconds: 3 }
          {{- end }}
          {{- include "demo.containerSecurity" . | nindent 10 }}
          resources: {{ toYaml .root.Values.resources | nindent 12 }}
          volumeMounts:
            - { name: tmp, mountPath: /tmp }
            {{- range .mounts }}
            - {{ toJson . }}
            {{- end }}
      volumes:
        - { name: tmp, emptyDir: { sizeLimit: 64Mi } }
        {{- range .volumes }}
        - {{ toJson . }}
        {{- end }}
{{- if .port }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{ include "demo.labels" (list .root .name) | nindent 4 }}
spec:
  selector: {{ include "demo.selector" (list .root .name) | nindent 4 }}
  ports:
    - { name: http, port: {{ .servicePort }}, targetPort: http }
{{- end }}
{{- end }}
