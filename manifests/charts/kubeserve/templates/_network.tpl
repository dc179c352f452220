{{/* What the NetworkPolicies of models and of the watcher allow (docs/adr/0034). Every rule names its protocol, as the API server would. */}}

{{/*
Return the rules that lead to a URL or host:port, as JSON: {"rules": […]}. Arguments: the text, more ports of an address inside the cluster.
A policy knows addresses and pods, and no names. So an address is itself, a name in the cluster is its namespace, and any other name is all
public addresses.
*/}}
{{- define "kubeserve.rulesTo" -}}
{{- $text := index . 0 -}}
{{- $secure := hasPrefix "https://" $text -}}
{{- $authority := $text | trimPrefix "https://" | trimPrefix "http://" | splitList "/" | first | splitList "@" | last -}}
{{- $port := regexFind ":[0-9]+$" $authority | trimPrefix ":" -}}
{{- $host := regexReplaceAll ":[0-9]+$" $authority "" | trimPrefix "[" | trimSuffix "]" -}}
{{- $number := $port | default (ternary "443" "80" $secure) | int -}}
{{- $parts := splitList "." $host -}}
{{- $ports := list (include "kubeserve.tcp" $number | fromJson) -}}
{{- $to := list -}}
{{- if regexMatch `^[0-9]+(\.[0-9]+){3}$` $host -}}
  {{- $to = list (dict "ipBlock" (dict "cidr" (printf "%s/32" $host))) -}}
{{- else if contains ":" $host -}}
  {{- $to = list (dict "ipBlock" (dict "cidr" (printf "%s/128" $host))) -}}
{{- else if or (eq (len $parts) 1) (has "svc" $parts) (and (eq (len $parts) 2) (ne $number 443)) -}}
  {{- /* Behind a Service the pods may listen on another port. */ -}}
  {{- range $more := index . 1 -}}
    {{- if ne (int $more) $number -}}{{- $ports = append $ports (include "kubeserve.tcp" $more | fromJson) -}}{{- end -}}
  {{- end -}}
  {{- $to = list (dict "podSelector" dict) -}}
  {{- if gt (len $parts) 1 -}}
    {{- $to = list (include "kubeserve.namespacePeer" (index $parts 1) | fromJson) -}}
  {{- end -}}
{{- else -}}
  {{- $to = (include "kubeserve.publicPeers" . | fromJson).peers -}}
{{- end -}}
{{- dict "rules" (list (dict "ports" $ports "to" $to)) | toJson -}}
{{- end -}}

{{- define "kubeserve.tcp" -}}
{{- dict "port" (int .) "protocol" "TCP" | toJson -}}
{{- end -}}

{{- define "kubeserve.namespacePeer" -}}
{{- dict "namespaceSelector" (dict "matchLabels" (dict "kubernetes.io/metadata.name" .)) | toJson -}}
{{- end -}}

{{/* Return every address outside private networks: not those of nodes, pods, Services and the cloud's metadata. */}}
{{- define "kubeserve.publicPeers" -}}
{{- $private := list "0.0.0.0/8" "10.0.0.0/8" "100.64.0.0/10" "127.0.0.0/8" "169.254.0.0/16" "172.16.0.0/12" "192.168.0.0/16" -}}
{{- $four := dict "ipBlock" (dict "cidr" "0.0.0.0/0" "except" $private) -}}
{{- $six := dict "ipBlock" (dict "cidr" "::/0" "except" (list "64:ff9b::/96" "fc00::/7" "fe80::/10")) -}}
{{- dict "peers" (list $four $six) | toJson -}}
{{- end -}}

{{/* Return the rules to what both the watcher and models need, as JSON: DNS, the store, the proxies. Arguments: scope, the store's URL, the proxies' URLs. */}}
{{- define "kubeserve.commonRules" -}}
{{- $root := index . 0 -}}
{{- $policy := $root.Values.networkPolicy -}}
{{- $rules := list (dict "ports" (list (dict "port" 53 "protocol" "UDP") (dict "port" 53 "protocol" "TCP")) "to" $policy.dns) -}}
{{- $store := (include "kubeserve.rulesTo" (list (index . 1) (list 9000)) | fromJson).rules -}}
{{- $rules = concat $rules (default $store (include "kubeserve.complete" $policy.store | fromJson).rules) -}}
{{- range $proxy := index . 2 | compact | uniq -}}
  {{- $rules = concat $rules (include "kubeserve.rulesTo" (list $proxy list) | fromJson).rules -}}
{{- end -}}
{{- dict "rules" $rules | toJson -}}
{{- end -}}

{{/* Return an operator's rules with the protocols that the API server would add, or the specs would differ. */}}
{{- define "kubeserve.complete" -}}
{{- $rules := deepCopy . -}}
{{- range $rule := $rules -}}
  {{- range $port := $rule.ports -}}{{- $_ := merge $port (dict "protocol" "TCP") -}}{{- end -}}
{{- end -}}
{{- dict "rules" $rules | toJson -}}
{{- end -}}

{{/* Return the address of the store with its scheme. Arguments: scope, the text. */}}
{{- define "kubeserve.storeURL" -}}
{{- $secure := eq (toString (index (index . 0).Values.settings "s3-secure")) "true" -}}
{{- if contains "://" (index . 1) }}{{ index . 1 }}{{ else }}{{ ternary "https" "http" $secure }}://{{ index . 1 }}{{ end -}}
{{- end -}}

{{/*
Return the NetworkPolicies of models for any namespace, as JSON: {"policies": […]}. The chart makes them in watch.namespaces. With
watch.allNamespaces the watcher makes them, and the API server accepts no others.
*/}}
{{- define "kubeserve.modelPolicies" -}}
{{- $policy := .Values.networkPolicy -}}
{{- $pods := dict "app.kubernetes.io/name" "model-serving" -}}
{{- $store := include "kubeserve.storeURL" (list . (default .Values.s3.endpoint .Values.s3.podEndpoint)) -}}
{{- $download := dig "download" dict .Values.modelValues -}}
{{- $proxies := list .Values.proxy.httpProxy .Values.proxy.httpsProxy $download.httpProxy $download.httpsProxy -}}
{{- $ports := list (include "kubeserve.tcp" 80 | fromJson) -}}
{{- $ingress := dict "ports" $ports -}}
{{- if $policy.models.from -}}
  {{- $watcher := include "kubeserve.namespacePeer" .Release.Namespace | fromJson -}}
  {{- $_ := set $watcher "podSelector" (dict "matchLabels" (include "kubeserve.selectorLabels" . | fromYaml)) -}}
  {{- $_ := set $ingress "from" (append $policy.models.from $watcher) -}}
{{- end -}}
{{- /* One policy for each direction: kube-router, which k3s contains, takes what a policy of both lets in for what a pod may send. */ -}}
{{- $inward := dict "podSelector" (dict "matchLabels" $pods) "policyTypes" (list "Ingress") "ingress" (list $ingress) -}}
{{- $outward := dict "podSelector" (dict "matchLabels" $pods) "policyTypes" (list "Egress") -}}
{{- $_ := set $outward "egress" (include "kubeserve.commonRules" (list . $store $proxies) | fromJson).rules -}}
{{- $index := $download.pipIndexUrl | default "https://pypi.org" -}}
{{- $rules := (include "kubeserve.rulesTo" (list $index list) | fromJson).rules -}}
{{- $installing := dict "podSelector" (dict "matchLabels" (merge (dict "kubeserve.io/installs" "true") $pods)) -}}
{{- $_ := set $installing "policyTypes" (list "Egress") -}}
{{- $_ := set $installing "egress" (default $rules (include "kubeserve.complete" $policy.index | fromJson).rules) -}}
{{- $policies := list -}}
{{- $specs := dict "models-in" $inward "models-out" $outward -}}
{{- if ne (toString $download.requirements) "off" -}}{{- $_ := set $specs "models-install" $installing -}}{{- end -}}
{{- range $suffix, $found := $specs -}}
  {{- $labels := merge (dict "kubeserve.io/owner" (include "kubeserve.owner" $)) (omit (include "kubeserve.labels" $ | fromYaml) "helm.sh/chart" "app.kubernetes.io/managed-by") -}}
  {{- $metadata := dict "name" (printf "%s-%s" (include "kubeserve.farName" $) $suffix) "labels" $labels -}}
  {{- $object := dict "apiVersion" "networking.k8s.io/v1" "kind" "NetworkPolicy" "metadata" $metadata "spec" $found -}}
  {{- $policies = append $policies $object -}}
{{- end -}}
{{- dict "policies" $policies | toJson -}}
{{- end -}}

{{/* Return plain data as a literal of CEL. Each value is `dyn`, because the values of a list or map of CEL have one type. */}}
{{- define "kubeserve.cel" -}}
{{- if kindIs "map" . -}}
dyn({ {{- range $i, $key := keys . | sortAlpha }}{{ if $i }}, {{ end }}{{ toJson $key }}: {{ include "kubeserve.cel" (index $ $key) }}{{ end -}} })
{{- else if kindIs "slice" . -}}
dyn([ {{- range $i, $item := . }}{{ if $i }}, {{ end }}{{ include "kubeserve.cel" $item }}{{ end -}} ])
{{- else -}}
dyn({{ toJson . }})
{{- end -}}
{{- end -}}
