{{- /* What objects are called, and by what they are found. Selectors never change: no version, no value goes into them. */ -}}

{{- define "callboard.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "callboard.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "callboard.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "callboard.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* Given (list $ COMPONENT). */ -}}
{{- define "callboard.selector" -}}
{{- $top := index . 0 -}}
app.kubernetes.io/name: {{ include "callboard.name" $top }}
app.kubernetes.io/instance: {{ $top.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- /* Given (list $ COMPONENT). */ -}}
{{- define "callboard.labels" -}}
{{- $top := index . 0 -}}
{{ include "callboard.selector" . }}
app.kubernetes.io/part-of: callboard
app.kubernetes.io/managed-by: {{ $top.Release.Service }}
{{- with $top.Chart.AppVersion }}
app.kubernetes.io/version: {{ . | quote }}
{{- end }}
helm.sh/chart: {{ printf "%s-%s" $top.Chart.Name $top.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "callboard.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "callboard.serviceAccount" -}}
{{- default (include "callboard.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "callboard.bundledSecret" -}}
{{ include "callboard.fullname" . }}-bundled
{{- end -}}

{{- /* The least and the most replicas that run, as text. */ -}}
{{- define "callboard.minReplicas" -}}
{{- if .Values.autoscaling.enabled }}{{ .Values.autoscaling.minReplicas }}{{ else }}{{ .Values.replicas }}{{ end -}}
{{- end -}}
{{- define "callboard.maxReplicas" -}}
{{- if .Values.autoscaling.enabled }}{{ .Values.autoscaling.maxReplicas }}{{ else }}{{ .Values.replicas }}{{ end -}}
{{- end -}}

{{- /* The security of every container: the restricted profile, and a root file system that is only read. */ -}}
{{- define "callboard.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /* The security of a pod, given its user's number. */ -}}
{{- define "callboard.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}
