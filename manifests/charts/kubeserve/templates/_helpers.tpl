{{- define "kubeserve.selectorLabels" -}}
app.kubernetes.io/name: kubeserve
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "kubeserve.labels" -}}
{{ include "kubeserve.selectorLabels" . }}
app.kubernetes.io/component: watcher
app.kubernetes.io/part-of: kubeserve
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "_" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end -}}

{{/* Return a name for objects outside the release's namespace, where another release of this name may exist. */}}
{{- define "kubeserve.farName" -}}
{{ .Release.Namespace }}-{{ .Release.Name }}
{{- end -}}

{{- define "kubeserve.credentialsName" -}}
{{ .Values.s3.existingSecret | default (printf "%s-s3" .Release.Name) }}
{{- end -}}

{{- define "kubeserve.webhookName" -}}
{{ .Values.webhook.existingSecret | default (printf "%s-webhook" .Release.Name) }}
{{- end -}}

{{/* Return the label that marks the objects of this watcher. */}}
{{- define "kubeserve.owner" -}}
{{ default (printf "%s.%s" .Release.Namespace .Release.Name | trunc 63 | trimAll "-.") .Values.owner }}
{{- end -}}

{{/* Return "true" if the API server of this cluster checks what the watcher writes. The API is stable since 1.30. */}}
{{- define "kubeserve.hasAdmissionPolicies" -}}
{{ and .Values.admissionPolicy.enabled (semverCompare ">=1.30-0" .Capabilities.KubeVersion.Version) }}
{{- end -}}

{{/* Return the images that pods of models may run, as a JSON list. The default is that of charts/model-serving. */}}
{{- define "kubeserve.modelImages" -}}
{{- $models := .Values.modelValues -}}
{{- $image := dig "deployment" "image" dict $models -}}
{{- $server := printf "%s:%s" ($image.repository | default "localhost:5001/kubeserve-base") ($image.tag | default "latest") -}}
{{- concat (list $server (dig "download" "image" "" $models)) .Values.admissionPolicy.images | compact | uniq | toJson -}}
{{- end -}}

{{/*
Return a binding of the policy NAME, and the policy down to its matchConditions, for what the watcher's ServiceAccount
does. Arguments: the chart's scope, NAME.
*/}}
{{- define "kubeserve.admissionPolicy" }}
{{- $root := index . 0 }}
{{- $name := printf "%s-%s" (include "kubeserve.farName" $root) (index . 1) }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ $name }}
  labels: {{- include "kubeserve.labels" $root | nindent 4 }}
spec:
  policyName: {{ $name }}
  validationActions: ["Deny"]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {{ $name }}
  labels: {{- include "kubeserve.labels" $root | nindent 4 }}
spec:
  failurePolicy: Fail
  matchConditions:
    - name: watcher
      expression: request.userInfo.username == 'system:serviceaccount:{{ $root.Release.Namespace }}:{{ $root.Release.Name }}'
{{- end }}

{{/* Return the variables of an admission policy that name the model of an address, and its annotations before. */}}
{{- define "kubeserve.celModel" -}}
- name: model
  expression: object.metadata.name.substring(0, object.metadata.name.size() - {{ len "-model-serving" }})
# Others, such as a controller, may have added some.
- name: before
  expression: "request.operation == 'CREATE' ? {} : oldObject.metadata.?annotations.orValue({})"
{{- end -}}

{{/* Return an expression of CEL for a text with {namespace} and {model} in it. The objects policy has checked the name. */}}
{{- define "kubeserve.celNamed" -}}
{{ . | default "" | toJson }}.replace('{namespace}', object.metadata.namespace).replace('{model}', variables.model)
{{- end -}}

{{/*
The rights that watcher/runtimes/kubernetes/ uses, and no others; tests/integration/test_watcher_chart.py deploys, updates
and removes a model with them. A server-side apply of a new object needs create and patch. There is no right for Secrets.
*/}}
{{- define "kubeserve.rules" -}}
- apiGroups: ["apps"]
  resources: ["deployments"]
  verbs: ["get", "list", "watch", "create", "patch", "delete"]
- apiGroups: ["apps"]
  resources: ["deployments/status"]
  verbs: ["patch"]
- apiGroups: ["autoscaling"]
  resources: ["horizontalpodautoscalers"]
  verbs: ["get", "list", "watch", "create", "patch", "delete"]
- apiGroups: [""]
  resources: ["services"]
  verbs: ["get", "list", "watch", "create", "patch"]
- apiGroups: [""]
  resources: ["configmaps"]
  verbs: ["get", "list", "watch", "create", "patch"]
- apiGroups: [""]
  resources: ["pods"]
  verbs: ["list", "watch"]
- apiGroups: [""]
  resources: ["events"]
  verbs: ["create", "patch"]
{{- end -}}

{{/*
The rights for addresses outside the cluster. A section that is there is enough, whatever its `enabled`: an operator who
turns that off wants the objects deleted.
*/}}
{{- define "kubeserve.addressRules" -}}
{{- if hasKey .Values.modelValues "ingress" }}
- apiGroups: ["networking.k8s.io"]
  resources: ["ingresses"]
  verbs: ["get", "list", "watch", "create", "patch", "delete"]
{{- end }}
{{- if hasKey .Values.modelValues "httpRoute" }}
- apiGroups: ["gateway.networking.k8s.io"]
  resources: ["httproutes"]
  verbs: ["get", "list", "watch", "create", "patch", "delete"]
{{- end }}
{{- end -}}

{{/* Fail on what the schema cannot check, or cannot report in helpful words. */}}
{{- define "kubeserve.check" -}}
{{- $s3 := .Values.s3 -}}
{{- $watch := .Values.watch -}}
{{- if not $s3.endpoint -}}
  {{- fail "s3.endpoint is required: --set s3.endpoint=minio.minio:9000, or https://s3.eu-central-1.amazonaws.com" -}}
{{- end -}}
{{- if ne (empty $s3.accessKey) (empty $s3.secretKey) -}}
  {{- fail "s3.accessKey and s3.secretKey belong together: set both" -}}
{{- end -}}
{{- if ne (empty $s3.podAccessKey) (empty $s3.podSecretKey) -}}
  {{- fail "s3.podAccessKey and s3.podSecretKey belong together: set both" -}}
{{- end -}}
{{- if and $s3.existingSecret (or $s3.accessKey $s3.podAccessKey) -}}
  {{- fail "s3.existingSecret replaces the keys: set one or the other" -}}
{{- end -}}
{{- if not (or $s3.existingSecret $s3.accessKey $s3.podAccessKey) -}}
  {{- fail "the store's credentials are required: set s3.existingSecret, or s3.accessKey and s3.secretKey" -}}
{{- end -}}
{{- if and $watch.allNamespaces $watch.namespaces -}}
  {{- fail "watch.allNamespaces and watch.namespaces exclude each other: set one of them" -}}
{{- end -}}
{{- if not (or $watch.allNamespaces $watch.namespaces) -}}
  {{- fail "the namespaces for models are required: --set 'watch.namespaces={team-a,team-b}', or --set watch.allNamespaces=true" -}}
{{- end -}}
{{- if and $watch.createNamespaces (not $watch.allNamespaces) -}}
  {{- fail "watch.createNamespaces needs watch.allNamespaces=true" -}}
{{- end -}}
{{- end -}}

{{/* Return the rules of alerts/kubeserve.rules.yaml without the disabled alerts, with links to the operator's documents. */}}
{{- define "kubeserve.alerts" -}}
{{- $file := .Files.Get "alerts/kubeserve.rules.yaml" | fromYaml -}}
{{- $disabled := .Values.alerts.disabled -}}
{{- $known := list -}}
{{- $groups := list -}}
{{- range $group := $file.groups -}}
  {{- $rules := list -}}
  {{- range $rule := $group.rules -}}
    {{- $known = append $known $rule.alert -}}
    {{- if not (has $rule.alert $disabled) -}}{{- $rules = append $rules $rule -}}{{- end -}}
  {{- end -}}
  {{- if $rules -}}{{- $groups = append $groups (merge (dict "rules" $rules) $group) -}}{{- end -}}
{{- end -}}
{{- range $name := $disabled -}}
  {{- if not (has $name $known) -}}
    {{- fail (printf "alerts.disabled: there is no alert %s; docs/operations.md#alerts lists them" $name) -}}
  {{- end -}}
{{- end -}}
{{- $text := toYaml (dict "groups" $groups) -}}
{{- with .Values.alerts.documentation -}}
  {{- $text = $text | replace "docs/operations.md#" (printf "%s#" .) -}}
{{- end -}}
{{- $text -}}
{{- end -}}
