{{- /* What the schema of the values cannot say: what does not go together. */ -}}
{{- define "callboard.check" -}}
{{- $min := include "callboard.minReplicas" . | int -}}
{{- $max := include "callboard.maxReplicas" . | int -}}
{{- if and (gt $max 1) (eq .Values.postgresql.mode "none") -}}
  {{- fail (printf "%d replicas need PostgreSQL, where they keep together what must not be forgotten: set postgresql.mode, or run a single replica" $max) -}}
{{- end -}}
{{- if gt $min $max -}}
  {{- fail "autoscaling.minReplicas is above autoscaling.maxReplicas" -}}
{{- end -}}
{{- if and .Values.podDisruptionBudget.enabled (gt $min 1) (ge (int .Values.podDisruptionBudget.maxUnavailable) $min) -}}
  {{- fail (printf "podDisruptionBudget.maxUnavailable must be below the %d replicas, or all of them may be away at once" $min) -}}
{{- end -}}
{{- with .Values.redis -}}
  {{- $count := len .addresses -}}
  {{- if and (has .mode (list "none" "bundled")) (gt $count 0) -}}
    {{- fail (printf "redis.addresses are not used with redis.mode %s: set redis.mode to single, sentinel or cluster" .mode) -}}
  {{- end -}}
  {{- if and (eq .mode "single") (ne $count 1) -}}
    {{- fail "redis.mode single wants one address in redis.addresses" -}}
  {{- end -}}
  {{- if and (has .mode (list "sentinel" "cluster")) (lt $count 1) -}}
    {{- fail (printf "redis.mode %s wants redis.addresses" .mode) -}}
  {{- end -}}
  {{- if and (eq .mode "sentinel") (not .master) -}}
    {{- fail "redis.mode sentinel wants redis.master, the name of the master that Sentinel watches" -}}
  {{- end -}}
  {{- if and (eq .mode "cluster") (ne (int .database) 0) -}}
    {{- fail "a Redis cluster has database 0 alone" -}}
  {{- end -}}
{{- end -}}
{{- if and (eq .Values.postgresql.mode "external") (not .Values.postgresql.existingSecret) -}}
  {{- fail "postgresql.mode external wants postgresql.existingSecret, a Secret with the address" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
  {{- fail "ingress.enabled wants ingress.hosts: Callboard answers to its own names alone" -}}
{{- end -}}
{{- end -}}
