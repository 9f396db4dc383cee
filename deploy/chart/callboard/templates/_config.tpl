{{- /* callboard.yaml, from .Values.config and what the chart knows itself. */ -}}
{{- define "callboard.config" -}}
{{- include "callboard.check" . -}}
{{- $config := deepCopy .Values.config -}}
{{- range $key := list "listen" "state" "store" -}}
  {{- if hasKey $config $key -}}
    {{- fail (printf "config.%s is written by the chart: remove it, and see values.yaml" $key) -}}
  {{- end -}}
{{- end -}}
{{- $cache := default dict (get $config "cache") -}}
{{- if hasKey $cache "redis" -}}
  {{- fail "config.cache.redis is written by the chart: say it under redis" -}}
{{- end -}}
{{- $server := default dict (get $config "server") -}}
{{- if hasKey $server "shutdownTimeout" -}}
  {{- fail "config.server.shutdownTimeout is written by the chart: say it as shutdownSeconds" -}}
{{- end -}}
{{- include "callboard.checkSecrets" $config -}}
{{- $name := include "callboard.fullname" . -}}
{{- $inside := printf "%s.%s" $name .Release.Namespace -}}
{{- $hosts := concat (default list (get $server "allowedHosts")) (list $name $inside (printf "%s.svc" $inside) (printf "%s.svc.%s" $inside .Values.clusterDomain)) -}}
{{- if .Values.ingress.enabled -}}
  {{- $hosts = concat $hosts .Values.ingress.hosts -}}
{{- end -}}
{{- $_ := set $server "allowedHosts" (uniq $hosts) -}}
{{- $_ := set $server "shutdownTimeout" (printf "%ds" (int .Values.shutdownSeconds)) -}}
{{- $_ := set $config "server" $server -}}
{{- $_ := set $config "listen" ":4000" -}}
{{- $_ := set $config "state" "/var/lib/callboard" -}}
{{- if ne .Values.postgresql.mode "none" -}}
  {{- $_ := set $config "store" "${CALLBOARD_STORE}" -}}
{{- end -}}
{{- if ne .Values.redis.mode "none" -}}
  {{- $_ := set $cache "redis" (include "callboard.redis" . | fromYaml) -}}
  {{- $_ := set $config "cache" $cache -}}
{{- end -}}
{{- $text := toYaml $config -}}
{{- include "callboard.checkVariables" (list $ $text) -}}
{{- $text -}}
{{- end -}}

{{- /* cache.redis of callboard.yaml. */ -}}
{{- define "callboard.redis" -}}
{{- with .Values.redis -}}
{{- if eq .mode "bundled" -}}
addresses: [{{ include "callboard.fullname" $ }}-redis:6379]
password: ${REDIS_PASSWORD}
{{- else -}}
addresses: {{ toJson .addresses }}
{{- if eq .mode "sentinel" }}
master: {{ .master | quote }}
{{- end }}
cluster: {{ eq .mode "cluster" }}
username: {{ .username | quote }}
database: {{ int .database }}
tls: {{ .tls }}
{{- if .existingSecret }}
password: ${REDIS_PASSWORD}
{{- if .sentinelPasswordKey }}
sentinelPassword: ${REDIS_SENTINEL_PASSWORD}
{{- end }}
{{- end }}
{{- end }}
prefix: {{ .prefix | quote }}
{{- end -}}
{{- end -}}

{{- /* No secret may be written into the configuration, which anybody who may read ConfigMaps can read. Given .Values.config. */ -}}
{{- define "callboard.checkSecrets" -}}
{{- $reference := "^\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-)?\\}$" -}}
{{- range $i, $source := default list (get . "sources") -}}
  {{- $secrets := default list (get $source "webhookSecrets") -}}
  {{- with get $source "token" -}}{{- $secrets = append $secrets . -}}{{- end -}}
  {{- range $secrets -}}
    {{- if not (regexMatch $reference (toString .)) -}}
      {{- fail (printf "config.sources[%d]: tokens and webhook secrets are not written into the configuration: write ${NAME}, and say under secretEnv where NAME comes from" $i) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- $gateway := default dict (get . "gateway") -}}
{{- range $subgraph := concat (default list (get . "subgraphs")) (default list (get $gateway "subgraphs")) -}}
  {{- range $header, $value := default dict (get $subgraph "headers") -}}
    {{- if not (regexMatch "\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-)?\\}" (toString $value)) -}}
      {{- fail (printf "the header %s of the subgraph %s is not written into the configuration: write ${NAME} for its secret part, and say under secretEnv, or env, where NAME comes from" $header (get $subgraph "name")) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- /* Every ${NAME} must be set, or no pod would start. Given (list $ TEXT). With envFrom it cannot be known. */ -}}
{{- define "callboard.checkVariables" -}}
{{- $top := index . 0 -}}
{{- if not $top.Values.envFrom -}}
  {{- $known := list -}}
  {{- range include "callboard.env" $top | fromYamlArray -}}
    {{- $known = append $known .name -}}
  {{- end -}}
  {{- range regexFindAll "\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}" (index . 1 | replace "$$" "") -1 -}}
    {{- $variable := . | trimPrefix "${" | trimSuffix "}" -}}
    {{- if not (has $variable $known) -}}
      {{- fail (printf "the configuration uses ${%s}, which is not set: say under secretEnv or env where it comes from" $variable) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{- /* The environment of Callboard's container, as a list. */ -}}
{{- define "callboard.env" -}}
- name: GOMEMLIMIT
  value: {{ .Values.goMemoryLimit | quote }}
{{- if eq .Values.redis.mode "bundled" }}
- name: REDIS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "callboard.bundledSecret" . }}, key: redis-password}}
{{- else if and (ne .Values.redis.mode "none") .Values.redis.existingSecret }}
- name: REDIS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .Values.redis.existingSecret }}, key: {{ .Values.redis.passwordKey }}}}
{{- if .Values.redis.sentinelPasswordKey }}
- name: REDIS_SENTINEL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .Values.redis.existingSecret }}, key: {{ .Values.redis.sentinelPasswordKey }}}}
{{- end }}
{{- end }}
{{- if eq .Values.postgresql.mode "bundled" }}
- name: CALLBOARD_STORE
  valueFrom: {secretKeyRef: {name: {{ include "callboard.bundledSecret" . }}, key: postgresql-url}}
{{- else if eq .Values.postgresql.mode "external" }}
- name: CALLBOARD_STORE
  valueFrom: {secretKeyRef: {name: {{ .Values.postgresql.existingSecret }}, key: {{ .Values.postgresql.key }}}}
{{- end }}
{{- range .Values.secretEnv }}
- name: {{ .name }}
  valueFrom: {secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}
