#!/usr/bin/env bash
# deploy.sh <rendered manifests> <image@digest>
# Applies them in the order of their label inventoryrpa/stage: prepare, migrate, then all others. A
# migration that fails leaves the running version alone; a rollout that fails is undone.
set -euo pipefail

manifests=$1
image=$2
stage=inventoryrpa/stage
patience=${PATIENCE:-15m}

say() { printf '\n== %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }

# As kustomize writes it, a document's kind comes before its name.
named() { awk -v wanted="$1" '/^kind: /{kind=$2} /^  name: /{if (kind==wanted) print $2}' "$manifests"; }
deployments=$(named Deployment)
job=$(named Job)
namespace=$(awk '/^  namespace: /{print $2; exit}' "$manifests")
[ -n "$deployments" ] || fail "there is no Deployment in $manifests"
[ -n "$namespace" ] || fail "there is no namespace in $manifests"
[[ $image =~ @sha256:[0-9a-f]{64}$ ]] || fail "$image is not named by its digest"
grep --quiet --fixed-strings "image: $image" "$manifests" || fail "$manifests do not run $image"
grep --quiet "$stage: migrate" "$manifests" || fail "there is no migration in $manifests"
[ "$(wc -w <<<"$job")" = 1 ] || fail "there is more than one Job in $manifests"

in_namespace() { kubectl --namespace "$namespace" "$@"; }
# Nothing for a Deployment that is not there yet.
revision() {
  in_namespace get deployment "$1" --ignore-not-found \
    --output 'jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}'
}

say 'prepare'
kubectl apply --filename "$manifests" --selector "$stage=prepare"

say 'migrate'
# A Job cannot be changed, only made anew.
kubectl delete --filename "$manifests" --selector "$stage=migrate" --ignore-not-found --wait
kubectl apply --filename "$manifests" --selector "$stage=migrate"
# In the background only: exec, so that what is killed is kubectl.
ended() {
  exec kubectl --namespace "$namespace" wait "job/$job" --for "condition=$1" --timeout "$patience"
}
ended Failed >/dev/null 2>&1 &
failure=$!
ended Complete &
completion=$!
status=0
wait -n -p first "$failure" "$completion" || status=$?
if [ "$first" = "$failure" ] && [ "$status" != 0 ]; then
  # Nothing is known of a failure; the other one still waits for success.
  first=$completion
  status=0
  wait "$completion" || status=$?
fi
kill "$failure" "$completion" 2>/dev/null || true
if [ "$first" != "$completion" ] || [ "$status" != 0 ]; then
  in_namespace logs "job/$job" --tail 100 || true
  fail 'the migration did not complete; the running version was left alone'
fi

declare -A before
for name in $deployments; do before[$name]=$(revision "$name"); done

roll_out() {
  kubectl apply --filename "$manifests" --selector "!$stage" || return
  for name in $deployments; do
    in_namespace rollout status "deployment/$name" --timeout "$patience" || return
  done
}

say 'roll out'
if roll_out; then
  say "$image runs"
  exit 0
fi

say 'roll back'
for name in $deployments; do
  in_namespace describe deployment "$name" | tail -n 20 || true
  [ -n "${before[$name]}" ] || continue
  [ "$(revision "$name")" = "${before[$name]}" ] && continue
  in_namespace rollout undo "deployment/$name" --to-revision "${before[$name]}" || true
done
for name in $deployments; do
  [ -z "${before[$name]}" ] || in_namespace rollout status "deployment/$name" --timeout "$patience" || true
done
fail 'the rollout failed and was undone; the migration stays, the version before runs on it'
