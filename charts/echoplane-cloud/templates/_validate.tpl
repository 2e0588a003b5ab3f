{{/* What a schema cannot say: what a missing value is for and how one is got. All problems are told at once. */}}
{{- define "cloud.validate" -}}
{{- $problems := list -}}
{{- with .Values -}}
{{- if not .image.repository -}}
{{- $problems = append $problems "image.repository is missing: where this cluster pulls the image from, such as --set image.repository=registry.example.com/echoplane; make the image with deploy/Dockerfile or npm run image" -}}
{{- end -}}
{{- if not (regexMatch "^[^@ ]+@[^@ ]+$" .admin.email) -}}
{{- $problems = append $problems (printf "admin.email is %q: it must be the e-mail address with which the first admin signs in" .admin.email) -}}
{{- end -}}
{{- if not .tenantName -}}
{{- $problems = append $problems "tenantName is empty: the name of your organisation in the dashboard" -}}
{{- end -}}
{{- if eq .profile "production" -}}
{{- if not .database.host -}}
{{- $problems = append $problems "database.host is missing: the production profile needs a PostgreSQL (15 or later) of yours; profile=trial brings one" -}}
{{- end -}}
{{- if not (or .database.ownerPassword .existingSecret) -}}
{{- $problems = append $problems "database.ownerPassword is missing: that of the role database.owner; or give it as ownerPassword in existingSecret" -}}
{{- end -}}
{{- if and .database.ownerPassword (not (regexMatch "^[A-Za-z0-9._~-]+$" .database.ownerPassword)) -}}
{{- $problems = append $problems "database.ownerPassword stands in an address: it must be of letters, digits, dots, dashes, underscores and tildes" -}}
{{- end -}}
{{- if not .store.s3.bucket -}}
{{- $problems = append $problems "store.s3.bucket is missing: the production profile keeps recordings in a bucket; profile=trial keeps them in a folder" -}}
{{- end -}}
{{- end -}}
{{- if and .ingress.enabled (not .ingress.host) -}}
{{- $problems = append $problems "ingress.host is missing: the name under which the dashboard is reached, such as echoplane.example.com" -}}
{{- end -}}
{{- end -}}
{{- if $problems -}}
{{- fail (printf "\n\nThis cannot be installed yet:\n  - %s\n" (join "\n  - " $problems)) -}}
{{- end -}}
{{- end }}
