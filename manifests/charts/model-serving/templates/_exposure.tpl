{{/*
Return the placeholders of the Ingress and of the HTTPRoute. watcher/core/exposure.py's `placeholders` does the same.
It needs the root context as `root`, and the annotations of the model's objects.
*/}}
{{- define "model-serving.exposure" -}}
{{- $root := .root -}}
{{- $ingress := .root.Values.ingress -}}
{{- $route := .root.Values.httpRoute -}}
{{- $found := dict -}}

{{- $host := include "model-serving.named" (dict "root" $root "text" $ingress.host) -}}
{{- $path := include "model-serving.named" (dict "root" $root "text" $ingress.path) -}}
{{- $annotations := dict "kubeserve.io/url" (printf "%s://%s%s" (ternary "https" "http" $ingress.tls.enabled) $host (trimSuffix "/" $path)) -}}
{{- $annotations = merge $annotations .annotations -}}
{{- range $key, $value := $ingress.annotations -}}
  {{- if not (hasKey $annotations $key) -}}
    {{- $_ := set $annotations $key (include "model-serving.named" (dict "root" $root "text" $value)) -}}
  {{- end -}}
{{- end -}}
{{- $tls := dict "hosts" (list $host) -}}
{{- if $ingress.tls.secretName -}}
  {{- $_ := set $tls "secretName" (include "model-serving.named" (dict "root" $root "text" $ingress.tls.secretName)) -}}
{{- end -}}
{{- $_ := set $found "ingressAnnotations" $annotations -}}
{{- $_ := set $found "ingressClassName" (default nil $ingress.className) -}}
{{- $_ := set $found "ingressHost" $host -}}
{{- $_ := set $found "ingressPath" (printf "%s%s" $path $ingress.pathSuffix) -}}
{{- $_ := set $found "ingressTLS" (ternary (list $tls) nil $ingress.tls.enabled) -}}

{{- $path = include "model-serving.named" (dict "root" $root "text" $route.path) -}}
{{- $hostnames := list -}}
{{- range $hostname := $route.hostnames -}}
  {{- $hostnames = append $hostnames (include "model-serving.named" (dict "root" $root "text" $hostname)) -}}
{{- end -}}
{{- $annotations = dict -}}
{{- range $hostname := $hostnames -}}
  {{- if not (or $annotations (hasPrefix "*" $hostname)) -}}
    {{- $_ := set $annotations "kubeserve.io/url" (printf "%s://%s%s" $route.scheme $hostname (trimSuffix "/" $path)) -}}
  {{- end -}}
{{- end -}}
{{- $rewrite := dict "path" (dict "type" "ReplacePrefixMatch" "replacePrefixMatch" "/") -}}
{{- $filters := list (dict "type" "URLRewrite" "urlRewrite" $rewrite) -}}
{{- $_ := set $found "routeAnnotations" (merge $annotations .annotations) -}}
{{- $_ := set $found "routeHostnames" (default nil $hostnames) -}}
{{- $_ := set $found "routePath" $path -}}
{{- $_ := set $found "routeBackends" (list (dict "name" (printf "%s-model-serving" $root.Release.Name) "port" 80)) -}}
{{- $_ := set $found "routeFilters" (ternary nil $filters (eq $path "/")) -}}
{{- toJson $found -}}
{{- end -}}

{{/* Return the text with the release's namespace and name in the place of {namespace} and {model}. */}}
{{- define "model-serving.named" -}}
{{- .text | replace "{namespace}" .root.Release.Namespace | replace "{model}" .root.Release.Name -}}
{{- end -}}
