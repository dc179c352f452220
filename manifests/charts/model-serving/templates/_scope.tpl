{{/*
Return the values of all placeholders in objects/*.yaml: the chart's values, and those computed from them.
watcher/core/render.py's `computed` does the same; tests/integration/test_chart_parity.py compares the results.
*/}}
{{- define "model-serving.scope" -}}
{{- $model := .Values.model -}}
{{- $deployment := .Values.deployment -}}
{{- $scaling := .Values.autoscaling -}}
{{- $scope := (include "model-serving.plain" (.Values | toJson | fromJson) | fromJson).value -}}

{{- $selector := dict "app.kubernetes.io/name" "model-serving" "app.kubernetes.io/instance" .Release.Name -}}
{{- $podLabels := merge (dict "app.kubernetes.io/component" "inference" "app.kubernetes.io/part-of" "kubeserve") $selector -}}
{{- if $model.version -}}
  {{- $_ := set $podLabels "app.kubernetes.io/version" ($model.version | replace "+" "_") -}}
{{- end -}}
{{- $chart := printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") -}}
{{- $manager := dict "app.kubernetes.io/managed-by" .Release.Service "helm.sh/chart" $chart -}}

{{- $identity := dict "kubeserve.io/s3-path" $model.s3Path "kubeserve.io/etag" $model.etag -}}
{{- $_ := set $identity "kubeserve.io/version" $model.version -}}
{{- $_ := set $identity "kubeserve.io/requirements-etag" $model.requirementsEtag -}}
{{- $annotations := dict -}}
{{- range $key, $value := $identity -}}
  {{- if $value -}}{{- $_ := set $annotations $key $value -}}{{- end -}}
{{- end -}}

{{- $targets := dict "cpu" $scaling.targetCPUUtilizationPercentage "memory" $scaling.targetMemoryUtilizationPercentage -}}
{{- $metrics := list -}}
{{- range $name, $target := $targets -}}
  {{- if not (kindIs "invalid" $target) -}}
    {{- $utilization := dict "type" "Utilization" "averageUtilization" $target -}}
    {{- $metrics = append $metrics (dict "type" "Resource" "resource" (dict "name" $name "target" $utilization)) -}}
  {{- end -}}
{{- end -}}

{{- $image := printf "%s:%s" $deployment.image.repository $deployment.image.tag -}}
{{- $_ := set $scope "name" (printf "%s-model-serving" .Release.Name) -}}
{{- $_ := set $scope "namespace" .Release.Namespace -}}
{{- $_ := set $scope "labels" (merge $manager $podLabels) -}}
{{- $_ := set $scope "podLabels" $podLabels -}}
{{- $_ := set $scope "selectorLabels" $selector -}}
{{- $_ := set $scope "annotations" $annotations -}}
{{- $_ := set $scope "replicas" (ternary nil $deployment.replicas $scaling.enabled) -}}
{{- $_ := set $scope "image" $image -}}
{{- $_ := set $scope "downloadImage" (default $image .Values.download.image) -}}
{{- $_ := set $scope "gracePeriod" (include "model-serving.gracePeriod" . | int) -}}
{{- $_ := set $scope "serverEnv" (include "model-serving.serverEnv" . | fromJson).env -}}
{{- $_ := set $scope "secure" (toString $model.s3UseSSL) -}}
{{- $_ := set $scope "accessKey" (b64enc $model.s3AccessKey) -}}
{{- $_ := set $scope "secretKey" (b64enc $model.s3SecretKey) -}}
{{- $_ := set $scope "autoscalingVersion" (include "model-serving.autoscalingVersion" .) -}}
{{- $_ := set $scope "metrics" $metrics -}}
{{- $exposure := include "model-serving.exposure" (dict "root" . "annotations" $annotations) | fromJson -}}
{{- range $key, $value := $exposure -}}{{- $_ := set $scope $key $value -}}{{- end -}}
{{- $files := list -}}
{{- range $name, $etag := $model.inputFiles -}}{{- $files = append $files (printf "%s=%s" $name $etag) -}}{{- end -}}
{{- $variable := dict "name" "KUBESERVE_INPUT_FILES" "value" (join " " $files) -}}
{{- $_ := set $scope "inputFilesVariable" (ternary nil $variable (empty $files)) -}}
{{- range $key, $value := include "model-serving.diskLimits" . | fromJson -}}{{- $_ := set $scope $key $value -}}{{- end -}}
{{- range $key, $value := include "model-serving.downloadSecrets" . | fromJson -}}{{- $_ := set $scope $key $value -}}{{- end -}}
{{- range $key, $name := dict "httpProxy" "HTTP_PROXY" "httpsProxy" "HTTPS_PROXY" "noProxy" "NO_PROXY" -}}
  {{- $value := index $.Values.download $key -}}
  {{- $_ := set $scope (printf "%sVariable" $key) (ternary (dict "name" $name "value" $value) nil (not (empty $value))) -}}
{{- end -}}
{{- toJson $scope -}}
{{- end -}}

{{/*
Return the grace period in seconds: 5 for the drain, the deadline, and 5 for the last prediction.
The minimum is 30, which is enough for the server's default deadline of 10.
*/}}
{{- define "model-serving.gracePeriod" -}}
{{- $deadline := 0 -}}
{{- if hasKey .Values.server "deadline" -}}{{- $deadline = default 0 .Values.server.deadline -}}{{- end -}}
{{- max 30 (add 10 (ceil $deadline)) -}}
{{- end -}}

{{/* Return the server's environment. The setting batchRows becomes the variable KUBESERVE_SERVER_BATCH_ROWS. */}}
{{- define "model-serving.serverEnv" -}}
{{- $found := list (dict "name" "KUBESERVE_SERVER_NAME" "value" (default .Release.Name .Values.model.name)) -}}
{{- $found = append $found (dict "name" "KUBESERVE_SERVER_VERSION" "value" .Values.model.version) -}}
{{- range $name, $value := .Values.server -}}
  {{- if not (kindIs "invalid" $value) -}}
    {{- $variable := printf "KUBESERVE_SERVER_%s" (snakecase $name | upper) -}}
    {{- $found = append $found (dict "name" $variable "value" (ternary $value (toJson $value) (kindIs "string" $value))) -}}
  {{- end -}}
{{- end -}}
{{- dict "env" $found | toJson -}}
{{- end -}}

{{/* Return the placeholders for the limits of the pod's disk; null without one. */}}
{{- define "model-serving.diskLimits" -}}
{{- $volumes := .Values.deployment.volumeLimits -}}
{{- $found := dict "diskLimitVariable" nil "volumeLimitVariable" nil -}}
{{- $_ := set $found "modelVolumeLimit" (get $volumes "model" | default nil) -}}
{{- $_ := set $found "tmpVolumeLimit" (get $volumes "tmp" | default nil) -}}
{{- if get (default dict .Values.deployment.resources.limits) "ephemeral-storage" -}}
  {{- $from := dict "resourceFieldRef" (dict "resource" "limits.ephemeral-storage" "divisor" "1") -}}
  {{- $_ := set $found "diskLimitVariable" (dict "name" "KUBESERVE_DISK_LIMIT" "valueFrom" $from) -}}
{{- end -}}
{{- if $found.modelVolumeLimit -}}
  {{- $_ := set $found "volumeLimitVariable" (dict "name" "KUBESERVE_VOLUME_LIMIT" "value" $found.modelVolumeLimit) -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/*
Return the placeholders of private certificate authorities (of the store and of the package index) and of the package
index, for the init container alone; null without one.
*/}}
{{- define "model-serving.downloadSecrets" -}}
{{- $secret := printf "%s-model-serving" .Release.Name -}}
{{- $found := dict "ca" nil "caVariable" nil "pipCA" nil "pipCAVariable" nil "caMount" nil "caVolume" nil -}}
{{- $_ := set $found "pipIndexUrl" nil -}}
{{- $_ := set $found "pipIndexVariable" nil -}}
{{- $items := list -}}
{{- if .Values.model.s3CA -}}
  {{- $items = append $items (dict "key" "ca.crt" "path" "ca.crt") -}}
  {{- $_ := set $found "ca" (b64enc .Values.model.s3CA) -}}
  {{- $_ := set $found "caVariable" (dict "name" "SSL_CERT_FILE" "value" "/ca/ca.crt") -}}
{{- end -}}
{{- if .Values.download.pipCA -}}
  {{- $items = append $items (dict "key" "pip-ca.crt" "path" "pip-ca.crt") -}}
  {{- $_ := set $found "pipCA" (b64enc .Values.download.pipCA) -}}
  {{- $_ := set $found "pipCAVariable" (dict "name" "KUBESERVE_PIP_CERT" "value" "/ca/pip-ca.crt") -}}
{{- end -}}
{{- if $items -}}
  {{- $_ := set $found "caMount" (dict "name" "ca" "mountPath" "/ca" "readOnly" true) -}}
  {{- $_ := set $found "caVolume" (dict "name" "ca" "secret" (dict "secretName" $secret "items" $items)) -}}
{{- end -}}
{{- if .Values.download.pipIndexUrl -}}
  {{- $from := dict "secretKeyRef" (dict "name" $secret "key" "KUBESERVE_PIP_INDEX_URL") -}}
  {{- $_ := set $found "pipIndexUrl" (b64enc .Values.download.pipIndexUrl) -}}
  {{- $_ := set $found "pipIndexVariable" (dict "name" "KUBESERVE_PIP_INDEX_URL" "valueFrom" $from) -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* Kubernetes has autoscaling/v2 since 1.23. Versions 1.19 to 1.22 have only v2beta2, with the same fields. */}}
{{- define "model-serving.autoscalingVersion" -}}
{{- .Capabilities.APIVersions.Has "autoscaling/v2" | ternary "autoscaling/v2" "autoscaling/v2beta2" -}}
{{- end -}}

{{/* Fail on what the schema cannot check, or cannot report in helpful words. */}}
{{- define "model-serving.check" -}}
{{- if not (hasPrefix "s3://" .Values.model.s3Path) -}}
  {{- fail "model.s3Path is required: --set model.s3Path=s3://BUCKET/NAMESPACE/MODEL/VERSION/model.joblib" -}}
{{- end -}}
{{- if not (and (regexMatch `^[a-z]([a-z0-9-]*[a-z0-9])?$` .Release.Name) (le (len .Release.Name) 49)) -}}
  {{- fail (printf "release name '%s' cannot name a Service: lower-case letters, digits and '-', starting with a letter, 49 characters at most" .Release.Name) -}}
{{- end -}}
{{- $scaling := .Values.autoscaling -}}
{{- if and $scaling.enabled (gt (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
  {{- fail (printf "autoscaling.minReplicas (%d) is above autoscaling.maxReplicas (%d)" (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
  {{- fail "ingress.enabled needs ingress.host, such as models.example.com" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
  {{- fail "httpRoute.enabled needs httpRoute.parentRefs, such as [{name: public, namespace: gateways}]" -}}
{{- end -}}
{{- end -}}
