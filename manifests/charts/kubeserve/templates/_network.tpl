{{/* What the NetworkPolicies of models and of the watcher allow (docs/adr/0034). Every rule names its protocol, as the API server would. */}}

{{/*
Return the rules that lead to a URL or host:port, as JSON: {"rules": […]}.
A policy knows addresses and pods, and no names. So an address is itself, a name in the cluster is its namespace, and any other name is all
public addresses. A name of two labels may be either: minio.minio, nas.lan.
*/}}
{{- define "kubeserve.rulesTo" -}}
{{- $text := lower . -}}
{{- $secure := hasPrefix "https://" $text -}}
{{- $authority := $text | trimPrefix "https://" | trimPrefix "http://" | splitList "/" | first | splitList "@" | last -}}
{{- $port := regexFind ":[0-9]+$" $authority | trimPrefix ":" -}}
{{- $host := regexReplaceAll ":[0-9]+$" $authority "" | trimPrefix "[" | trimSuffix "]" | trimSuffix "." -}}
{{- $number := $port | default (ternary "443" "80" $secure) | int -}}
{{- $parts := splitList "." $host -}}
{{- $ports := list (include "kubeserve.tcp" $number | fromJson) -}}
{{- $rules := list -}}
{{- if regexMatch `^[0-9]+(\.[0-9]+){3}$` $host -}}
  {{- $rules = list (dict "ports" $ports "to" (list (dict "ipBlock" (dict "cidr" (printf "%s/32" $host))))) -}}
{{- else if contains ":" $host -}}
  {{- $rules = list (dict "ports" $ports "to" (list (dict "ipBlock" (dict "cidr" (printf "%s/128" $host))))) -}}
{{- else -}}
  {{- $inside := or (eq (len $parts) 1) (has "svc" $parts) -}}
  {{- $either := and (not $inside) (eq (len $parts) 2) (ne $number 443) -}}
  {{- if or $inside $either -}}
    {{- /* No ports: a policy names those of the pods, which a Service may map its own to. */ -}}
    {{- $peer := dict "podSelector" dict -}}
    {{- if gt (len $parts) 1 -}}{{- $peer = include "kubeserve.namespacePeer" (index $parts 1) | fromJson -}}{{- end -}}
    {{- $rules = list (dict "to" (list $peer)) -}}
  {{- end -}}
  {{- if not $inside -}}
    {{- $peers := (include (ternary "kubeserve.anyPeers" "kubeserve.publicPeers" $either) . | fromJson).peers -}}
    {{- $rules = append $rules (dict "ports" $ports "to" $peers) -}}
  {{- end -}}
{{- end -}}
{{- dict "rules" $rules | toJson -}}
{{- end -}}

{{- define "kubeserve.tcp" -}}
{{- dict "port" (int .) "protocol" "TCP" | toJson -}}
{{- end -}}

{{- define "kubeserve.namespacePeer" -}}
{{- dict "namespaceSelector" (dict "matchLabels" (dict "kubernetes.io/metadata.name" .)) | toJson -}}
{{- end -}}

{{/*
Return every address outside private networks: not those of nodes, pods, Services and the cloud's metadata. A cluster whose API server has a
public address is among them.
*/}}
{{- define "kubeserve.publicPeers" -}}
{{- $private := list "0.0.0.0/8" "10.0.0.0/8" "100.64.0.0/10" "127.0.0.0/8" "168.63.129.16/32" "169.254.0.0/16" "172.16.0.0/12" "192.0.0.0/24" "192.168.0.0/16" "198.18.0.0/15" "240.0.0.0/4" -}}
{{- $four := dict "ipBlock" (dict "cidr" "0.0.0.0/0" "except" $private) -}}
{{- $six := dict "ipBlock" (dict "cidr" "::/0" "except" (list "64:ff9b::/96" "fc00::/7" "fe80::/10")) -}}
{{- dict "peers" (list $four $six) | toJson -}}
{{- end -}}

{{/* Return every address, private networks too, but those at which a node or a cloud answers its own machines. */}}
{{- define "kubeserve.anyPeers" -}}
{{- $local := list "0.0.0.0/8" "100.100.100.200/32" "127.0.0.0/8" "168.63.129.16/32" "169.254.0.0/16" "192.0.0.0/24" "240.0.0.0/4" -}}
{{- $four := dict "ipBlock" (dict "cidr" "0.0.0.0/0" "except" $local) -}}
{{- $six := dict "ipBlock" (dict "cidr" "::/0" "except" (list "64:ff9b::/96" "fd00:ec2::254/128" "fd20:ce::254/128" "fe80::/10")) -}}
{{- dict "peers" (list $four $six) | toJson -}}
{{- end -}}

{{/* Return the rules to what both the watcher and models need, as JSON: DNS, the store, the proxies. Arguments: scope, the store's URL, the proxies' URLs. */}}
{{- define "kubeserve.commonRules" -}}
{{- $policy := (index . 0).Values.networkPolicy -}}
{{- $ports := list -}}
{{- /* The pods of OpenShift's DNS listen on 5353. */ -}}
{{- range $port := list 53 5353 -}}
  {{- range $protocol := list "UDP" "TCP" -}}{{- $ports = append $ports (dict "port" $port "protocol" $protocol) -}}{{- end -}}
{{- end -}}
{{- $rules := list (dict "ports" $ports "to" $policy.dns) -}}
{{- $store := (include "kubeserve.rulesTo" (index . 1) | fromJson).rules -}}
{{- $rules = concat $rules (default $store $policy.store) -}}
{{- $proxies := list -}}
{{- range $proxy := index . 2 | compact | uniq -}}
  {{- $proxies = concat $proxies (include "kubeserve.rulesTo" $proxy | fromJson).rules -}}
{{- end -}}
{{- dict "rules" (concat $rules (default $proxies $policy.proxy)) | toJson -}}
{{- end -}}

{{/*
Return a part of a policy's spec as the API server returns it, as JSON: {"value": …}. It adds the protocol to a port, and drops what is
null, an empty list or empty matchLabels. An empty selector stays: it selects all. Otherwise the rule that compares specs would never be true.
*/}}
{{- define "kubeserve.complete" -}}
{{- $value := . -}}
{{- if kindIs "map" . -}}
  {{- $value = dict -}}
  {{- range $key, $item := . -}}
    {{- $found := (include "kubeserve.complete" $item | fromJson).value -}}
    {{- $isDropped := or (kindIs "invalid" $found) (and (empty $found) (or (kindIs "slice" $found) (eq $key "matchLabels"))) -}}
    {{- if not $isDropped -}}{{- $_ := set $value $key $found -}}{{- end -}}
    {{- if and (eq $key "ports") (kindIs "slice" $found) -}}
      {{- range $port := $found -}}{{- $_ := merge $port (dict "protocol" "TCP") -}}{{- end -}}
    {{- end -}}
  {{- end -}}
{{- else if kindIs "slice" . -}}
  {{- $value = list -}}
  {{- range $item := . -}}{{- $value = append $value (include "kubeserve.complete" $item | fromJson).value -}}{{- end -}}
{{- end -}}
{{- dict "value" $value | toJson -}}
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
{{- $rules := (include "kubeserve.rulesTo" $index | fromJson).rules -}}
{{- $installing := dict "podSelector" (dict "matchLabels" (merge (dict "kubeserve.io/installs" "true") $pods)) -}}
{{- $_ := set $installing "policyTypes" (list "Egress") -}}
{{- $_ := set $installing "egress" (default $rules $policy.index) -}}
{{- $policies := list -}}
{{- $specs := dict "models-in" $inward "models-out" $outward -}}
{{- if ne (toString $download.requirements) "off" -}}{{- $_ := set $specs "models-install" $installing -}}{{- end -}}
{{- range $suffix, $found := $specs -}}
  {{- $labels := merge (dict "kubeserve.io/owner" (include "kubeserve.owner" $)) (omit (include "kubeserve.labels" $ | fromYaml) "helm.sh/chart" "app.kubernetes.io/managed-by") -}}
  {{- $metadata := dict "name" (printf "%s-%s" (include "kubeserve.farName" $) $suffix) "labels" $labels -}}
  {{- $object := dict "apiVersion" "networking.k8s.io/v1" "kind" "NetworkPolicy" "metadata" $metadata "spec" (include "kubeserve.complete" $found | fromJson).value -}}
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
