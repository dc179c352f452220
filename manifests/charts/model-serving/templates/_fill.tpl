{{/*
Replace each placeholder of a parsed template by its typed value; null drops the key. watcher/core/render.py's `fill`
does the same. A template can only return text, so each value is returned as the JSON of {"value": …}.
For old Helm: no action spans lines (3.6 and newer), and no `and` skips its second argument (3.9 and newer).
*/}}
{{- define "model-serving.fill" -}}
{{- $filled := .template -}}
{{- if kindIs "map" .template -}}
  {{- $filled = dict -}}
  {{- range $key, $item := .template -}}
    {{- $value := (include "model-serving.fill" (dict "template" $item "scope" $.scope) | fromJson).value -}}
    {{- if not (kindIs "invalid" $value) -}}{{- $_ := set $filled $key $value -}}{{- end -}}
  {{- end -}}
{{- else if kindIs "slice" .template -}}
  {{- $filled = list -}}
  {{- range $item := .template -}}
    {{- $value := (include "model-serving.fill" (dict "template" $item "scope" $.scope) | fromJson).value -}}
    {{- if not (kindIs "invalid" $value) -}}{{- $filled = append $filled $value -}}{{- end -}}
  {{- end -}}
{{- else if kindIs "string" .template -}}
  {{- if regexMatch `^\$\{[A-Za-z0-9.]+\}$` .template -}}
    {{- $path := .template | trimPrefix "${" | trimSuffix "}" -}}
    {{- $filled = (include "model-serving.lookUp" (dict "path" $path "scope" .scope) | fromJson).value -}}
  {{- end -}}
{{- end -}}
{{- dict "value" $filled | toJson -}}
{{- end -}}

{{- define "model-serving.lookUp" -}}
{{- $value := .scope -}}
{{- range $name := splitList "." .path -}}
  {{- $found := false -}}
  {{- if kindIs "map" $value -}}{{- $found = hasKey $value $name -}}{{- end -}}
  {{- if not $found -}}{{- fail (printf "unknown placeholder ${%s} in the chart's objects" $.path) -}}{{- end -}}
  {{- $value = index $value $name -}}
{{- end -}}
{{- dict "value" $value | toJson -}}
{{- end -}}

{{/*
Return a value without the nulls of its maps, at every depth. Helm removes a null only where the chart has a default for
its key. watcher/core/render.py's `plain` does the same.
*/}}
{{- define "model-serving.plain" -}}
{{- $plain := . -}}
{{- if kindIs "slice" . -}}
  {{- $plain = list -}}
  {{- range $item := . -}}{{- $plain = append $plain (include "model-serving.plain" $item | fromJson).value -}}{{- end -}}
{{- else if kindIs "map" . -}}
  {{- $plain = dict -}}
  {{- range $key, $item := . -}}
    {{- if not (kindIs "invalid" $item) -}}
      {{- $_ := set $plain $key (include "model-serving.plain" $item | fromJson).value -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- dict "value" $plain | toJson -}}
{{- end -}}
