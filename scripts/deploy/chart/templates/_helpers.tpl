{{- define "dfhf.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "dfhf.fullname" -}}
{{- $name := include "dfhf.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "dfhf.selectorLabels" -}}
app.kubernetes.io/name: {{ include "dfhf.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "dfhf.labels" -}}
{{ include "dfhf.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Name, namespace and labels of an object; called with a list of the root and the end of the name. */}}
{{- define "dfhf.metadata" -}}
{{- $root := index . 0 -}}
name: {{ include "dfhf.fullname" $root }}{{ index . 1 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "dfhf.labels" $root | nindent 2 }}
{{- end }}

{{- define "dfhf.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "dfhf.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "dfhf.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{/* An address to listen at; called with a list of host and port. */}}
{{- define "dfhf.listen" -}}
{{- $host := index . 0 -}}
{{ if contains ":" $host }}[{{ $host }}]{{ else }}{{ $host }}{{ end }}:{{ index . 1 }}
{{- end }}

{{/* The Pod Security level that these values need. */}}
{{- define "dfhf.securityLevel" -}}
{{- if or (eq .Values.store.type "hostPath") (eq .Values.gateway.expose "hostPort") -}}
privileged
{{- else if and .Values.podSecurityContext.runAsNonRoot (ne (toString .Values.securityContext.runAsUser) "0") -}}
restricted
{{- else -}}
baseline
{{- end }}
{{- end }}

{{/* The secrets of the pod by their file names: which Secret each is in, under which key, and its value where the chart makes it. */}}
{{- define "dfhf.secrets" -}}
{{- $own := printf "%s-secrets" (include "dfhf.fullname" .) -}}
{{- range $file, $secret := dict "cluster-key" .Values.clusterKey "hub-token" .Values.hubToken "warm-token" .Values.warmToken }}
{{- if $secret.existingSecret }}
{{ $file }}: { name: {{ $secret.existingSecret | quote }}, key: {{ $secret.key | quote }} }
{{- else if $secret.value }}
{{ $file }}: { name: {{ $own }}, key: {{ $file }}, value: {{ $secret.value | quote }} }
{{- end }}
{{- end }}
{{- end }}

{{/* The names by which a client may call the gateway's Service. */}}
{{- define "dfhf.gatewayNames" -}}
{{- $name := printf "%s-gateway" (include "dfhf.fullname" .) -}}
{{- $long := printf "%s.%s" $name .Release.Namespace -}}
{{ list $name $long (printf "%s.svc" $long) (printf "%s.svc.%s" $long (.Values.clusterDomain | trimSuffix ".")) | join "," }}
{{- end }}
