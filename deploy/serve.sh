#!/bin/sh
# What a container of a deployment runs: `serve.sh code`, `serve.sh web` or `serve.sh daemon`.
set -eu
: "${PIPELINES_LOCATION:?is not set: say development or production}"

case "${1:-}" in
code)
    exec dagster code-server start --module-name pipelines.definitions --attribute "$PIPELINES_LOCATION" \
        --location-name "$PIPELINES_LOCATION" --host "$PIPELINES_LISTEN" --port "$PIPELINES_CODE_PORT"
    ;;
web)
    exec dagster-webserver --workspace "$DAGSTER_HOME/workspace.yaml" \
        --host "$PIPELINES_LISTEN" --port "$PIPELINES_WEB_PORT"
    ;;
daemon)
    exec dagster-daemon run --workspace "$DAGSTER_HOME/workspace.yaml"
    ;;
*)
    echo "serve.sh: say what to run: code, web or daemon" >&2
    exit 2
    ;;
esac
