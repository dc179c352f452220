"""Write manifests/install.yaml from the watcher's chart: `python -m dev.manifests`. A test compares it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from dev import tools

MANIFESTS = Path(__file__).parents[1] / "manifests"
TARGET = MANIFESTS / "install.yaml"

SETTINGS = (
    "s3.endpoint=minio.minio:9000",
    "s3.existingSecret=kubeserve-s3",
    # A random token would give another file each time.
    "webhook.existingSecret=kubeserve-s3",
    "watch.allNamespaces=true",
    # They follow from the store's address, in four places: an edited copy would cut its own watcher off.
    "networkPolicy.enabled=false",
)

HEAD = """\
# The watcher without Helm. `make manifests` writes this file from charts/kubeserve: change the chart.
# The watcher may write Deployments, Services and ConfigMaps in every namespace; the chart can restrict it to some.
#
# In your own copy, set the watcher's image, the models' (ConfigMap: deployment.image of the model's chart),
# KUBESERVE_S3_ENDPOINT and KUBESERVE_BUCKET. Another image of models belongs into the policy kubeserve-kubeserve-pods
# too. It has no NetworkPolicies, because they follow from the store's address: `helm template` of the chart makes those
# for yours. Before Kubernetes 1.30, delete the ValidatingAdmissionPolicies and their bindings. Then:
#
#   kubectl create namespace kubeserve
#   kubectl create secret generic kubeserve-s3 -n kubeserve --from-literal=AWS_ACCESS_KEY_ID="$AWS_ACCESS_KEY_ID" \\
#     --from-literal=AWS_SECRET_ACCESS_KEY="$AWS_SECRET_ACCESS_KEY" \\
#     --from-literal=KUBESERVE_WEBHOOK_TOKEN="$(openssl rand -hex 16)"
#   kubectl apply -f install.yaml
"""


def rendered() -> str:
    """Return the content of the file."""
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    chart = str(MANIFESTS / "charts" / "kubeserve")
    command = [str(tools.find("helm")), "template", "kubeserve", chart, "-n", "kubeserve", *settings]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # Helm does not manage objects that it only printed.
    return HEAD + re.sub(r"(?m)^(# Source: .*| *helm\.sh/chart: .*| *app\.kubernetes\.io/managed-by: Helm)\n", "", text)


if __name__ == "__main__":
    TARGET.write_text(rendered())
