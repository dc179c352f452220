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
{{- /* Where the files are signed, it is known whether there is a requirements.txt. */ -}}
{{- $hasInstall := or (not (empty $model.requirementsEtag)) (empty $model.signedFiles) -}}
{{- /* Only pods with this label may reach the package index: the watcher's chart has a NetworkPolicy for it. */ -}}
{{- $installs := ternary (dict "kubeserve.io/installs" "true") dict $hasInstall -}}
{{- $_ := set $scope "podLabels" (merge $installs $podLabels) -}}
{{- $_ := set $scope "selectorLabels" $selector -}}
{{- $_ := set $scope "annotations" $annotations -}}
{{- $_ := set $scope "replicas" (ternary nil $deployment.replicas $scaling.enabled) -}}
{{- $_ := set $scope "image" $image -}}
{{- $_ := set $scope "downloadImage" (default $image .Values.download.image) -}}
{{- $_ := set $scope "gracePeriod" (include "model-serving.gracePeriod" . | int) -}}
{{- $_ := set $scope "runtimeClassName" (default nil $deployment.runtimeClassName) -}}
{{- $_ := set $scope "hostUsers" (ternary nil false $deployment.hostUsers) -}}
{{- $_ := set $scope "serverEnv" (include "model-serving.serverEnv" (dict "root" . "installs" $hasInstall) | fromJson).env -}}
{{- $_ := set $scope "autoscalingVersion" (include "model-serving.autoscalingVersion" .) -}}
{{- $_ := set $scope "metrics" $metrics -}}
{{- $exposure := include "model-serving.exposure" (dict "root" . "annotations" $annotations) | fromJson -}}
{{- range $key, $value := $exposure -}}{{- $_ := set $scope $key $value -}}{{- end -}}
{{- $files := list -}}
{{- range $name, $etag := $model.inputFiles -}}{{- $files = append $files (printf "%s=%s" $name $etag) -}}{{- end -}}
{{- $variable := dict "name" "KUBESERVE_INPUT_FILES" "value" (join " " $files) -}}
{{- $_ := set $scope "inputFilesVariable" (ternary nil $variable (empty $files)) -}}
{{- $variable = dict "name" "KUBESERVE_REQUIREMENTS_ETAG" "value" $model.requirementsEtag -}}
{{- $_ := set $scope "requirementsVariable" (ternary nil $variable (empty $model.requirementsEtag)) -}}
{{- range $key, $value := include "model-serving.diskLimits" . | fromJson -}}{{- $_ := set $scope $key $value -}}{{- end -}}
{{- range $key, $value := include "model-serving.storeAccess" (dict "root" . "annotations" $annotations) | fromJson -}}
  {{- $_ := set $scope $key $value -}}
{{- end -}}
{{- range $key, $value := include "model-serving.authorities" . | fromJson -}}{{- $_ := set $scope $key $value -}}{{- end -}}
{{- range $key, $value := include "model-serving.packageIndex" . | fromJson -}}{{- $_ := set $scope $key $value -}}{{- end -}}
{{- range $key, $name := dict "httpProxy" "HTTP_PROXY" "httpsProxy" "HTTPS_PROXY" "noProxy" "NO_PROXY" -}}
  {{- $value := index $.Values.download $key -}}
  {{- $_ := set $scope (printf "%sVariable" $key) (ternary (dict "name" $name "value" $value) nil (not (empty $value))) -}}
{{- end -}}
{{- $container := $.Files.Get "containers/install.yaml" | fromYaml -}}
{{- $container = (include "model-serving.fill" (dict "template" $container "scope" $scope) | fromJson).value -}}
{{- $empty := dict -}}
{{- if $scope.packagesVolumeLimit -}}{{- $_ := set $empty "sizeLimit" $scope.packagesVolumeLimit -}}{{- end -}}
{{- $mount := dict "name" "packages" "mountPath" "/packages" "readOnly" true -}}
{{- $_ := set $scope "installContainer" (ternary $container nil $hasInstall) -}}
{{- $_ := set $scope "packagesMount" (ternary $mount nil $hasInstall) -}}
{{- $_ := set $scope "packagesVolume" (ternary (dict "name" "packages" "emptyDir" $empty) nil $hasInstall) -}}
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
{{- $values := .root.Values -}}
{{- $found := list (dict "name" "KUBESERVE_SERVER_NAME" "value" (default .root.Release.Name $values.model.name)) -}}
{{- $found = append $found (dict "name" "KUBESERVE_SERVER_VERSION" "value" $values.model.version) -}}
{{- if .installs -}}{{- $found = append $found (dict "name" "KUBESERVE_SERVER_PACKAGES" "value" "/packages") -}}{{- end -}}
{{- range $name, $value := $values.server -}}
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
{{- $found := dict "diskLimitVariable" nil "volumeLimitVariable" nil "packagesLimitVariable" nil -}}
{{- $limit := get (default dict .Values.deployment.resources.limits) "ephemeral-storage" | default nil -}}
{{- $_ := set $found "modelVolumeLimit" (get $volumes "model" | default $limit) -}}
{{- $_ := set $found "packagesVolumeLimit" (get $volumes "packages" | default $limit) -}}
{{- $_ := set $found "tmpVolumeLimit" (get $volumes "tmp" | default $limit) -}}
{{- if $limit -}}
  {{- $from := dict "resourceFieldRef" (dict "resource" "limits.ephemeral-storage" "divisor" "1") -}}
  {{- $_ := set $found "diskLimitVariable" (dict "name" "KUBESERVE_DISK_LIMIT" "valueFrom" $from) -}}
{{- end -}}
{{- with get $volumes "model" -}}
  {{- $_ := set $found "volumeLimitVariable" (dict "name" "KUBESERVE_VOLUME_LIMIT" "value" .) -}}
{{- end -}}
{{- with get $volumes "packages" -}}
  {{- $_ := set $found "packagesLimitVariable" (dict "name" "KUBESERVE_VOLUME_LIMIT" "value" .) -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* Return the placeholders for the two ways to fetch: by the URLs that the watcher signed, or by keys of the store. */}}
{{- define "model-serving.storeAccess" -}}
{{- $root := .root -}}
{{- $model := .root.Values.model -}}
{{- $found := dict "configAnnotations" .annotations "accessKey" nil "secretKey" nil -}}
{{- range $name := list "endpoint" "secure" "accessKey" "secretKey" "urls" -}}
  {{- $_ := set $found (printf "%sVariable" $name) nil -}}
{{- end -}}
{{- if $model.signedFiles -}}
  {{- $key := printf "urls-%s" (sha256sum $model.signedFiles | trunc 24) -}}
  {{- $from := dict "configMapKeyRef" (dict "name" (printf "%s-model-serving" $root.Release.Name) "key" $key) -}}
  {{- $_ := set $found "urlsVariable" (dict "name" "KUBESERVE_URLS" "valueFrom" $from) -}}
  {{- $_ := set $found "configAnnotations" (merge (dict "kubeserve.io/files" $model.signedFiles) .annotations) -}}
{{- else -}}
  {{- $_ := set $found "endpointVariable" (dict "name" "KUBESERVE_ENDPOINT" "value" $model.s3Endpoint) -}}
  {{- $_ := set $found "secureVariable" (dict "name" "KUBESERVE_SECURE" "value" (toString $model.s3UseSSL)) -}}
  {{- range $name, $variable := dict "accessKey" "AWS_ACCESS_KEY_ID" "secretKey" "AWS_SECRET_ACCESS_KEY" -}}
    {{- $reference := include "model-serving.fromSecret" (dict "root" $root "variable" $variable) | fromJson -}}
    {{- $_ := set $found (printf "%sVariable" $name) $reference -}}
  {{- end -}}
  {{- $_ := set $found "accessKey" (b64enc $model.s3AccessKey) -}}
  {{- $_ := set $found "secretKey" (b64enc $model.s3SecretKey) -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* Return a container's variable that has its value from the entry of the same name in the model's Secret. */}}
{{- define "model-serving.fromSecret" -}}
{{- $reference := dict "name" (printf "%s-model-serving" .root.Release.Name) "key" .variable -}}
{{- dict "name" .variable "valueFrom" (dict "secretKeyRef" $reference) | toJson -}}
{{- end -}}

{{/*
Return the placeholders for private certificate authorities, of the store and of the package index; null without one.
A certificate is no secret, so they are in the ConfigMap.
*/}}
{{- define "model-serving.authorities" -}}
{{- $found := dict "ca" nil "caVariable" nil "pipCA" nil "pipCAVariable" nil "caMount" nil "caVolume" nil -}}
{{- $items := list -}}
{{- if .Values.model.s3CA -}}
  {{- $items = append $items (dict "key" "ca.crt" "path" "ca.crt") -}}
  {{- $_ := set $found "ca" .Values.model.s3CA -}}
  {{- $_ := set $found "caVariable" (dict "name" "SSL_CERT_FILE" "value" "/ca/ca.crt") -}}
{{- end -}}
{{- if .Values.download.pipCA -}}
  {{- $items = append $items (dict "key" "pip-ca.crt" "path" "pip-ca.crt") -}}
  {{- $_ := set $found "pipCA" .Values.download.pipCA -}}
  {{- $_ := set $found "pipCAVariable" (dict "name" "KUBESERVE_PIP_CERT" "value" "/ca/pip-ca.crt") -}}
{{- end -}}
{{- if $items -}}
  {{- $source := dict "name" (printf "%s-model-serving" .Release.Name) "items" $items -}}
  {{- $_ := set $found "caMount" (dict "name" "ca" "mountPath" "/ca" "readOnly" true) -}}
  {{- $_ := set $found "caVolume" (dict "name" "ca" "configMap" $source) -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* Return the placeholders for the URL of the package index, which may hold a password only where there is a Secret. */}}
{{- define "model-serving.packageIndex" -}}
{{- $found := dict "pipIndexUrl" nil "pipIndexVariable" nil -}}
{{- $index := .Values.download.pipIndexUrl -}}
{{- if and $index .Values.model.signedFiles -}}
  {{- $_ := set $found "pipIndexVariable" (dict "name" "KUBESERVE_PIP_INDEX_URL" "value" $index) -}}
{{- else if $index -}}
  {{- $reference := include "model-serving.fromSecret" (dict "root" . "variable" "KUBESERVE_PIP_INDEX_URL") | fromJson -}}
  {{- $_ := set $found "pipIndexUrl" (b64enc $index) -}}
  {{- $_ := set $found "pipIndexVariable" $reference -}}
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
