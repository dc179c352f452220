"""Grafana's dashboards, written as code: `python -m dev.dashboards` writes their JSON into the watcher's chart."""
