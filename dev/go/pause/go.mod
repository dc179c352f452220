module kubeserve.invalid/pause

go 1.25
