#!/usr/bin/env bash
# Publishes every workspace package that is not private, and says which. Arguments go to pnpm publish.
set -euo pipefail

names=$(pnpm list --recursive --depth -1 --json | jq --raw-output '.[] | select(.private | not) | .name')
if [ -z "$names" ]; then
  echo 'No workspace package is meant to be published: all are private.'
  exit 0
fi
echo "Publishing: ${names//$'\n'/, }"
# What is already published in this version is left alone, so that it can be run again.
pnpm publish --recursive --access public --no-git-checks "$@"
