#!/usr/bin/env bash
# swap-with-checks.sh APPLICATION VERSION DIGEST CHECK [ARGUMENT...]: give a tenth of the customers the version, run the
# command CHECK, then approve the swap and wait for its end. If the check fails, all customers return.
set -euo pipefail
[ $# -ge 4 ] || { echo 'usage: swap-with-checks.sh APPLICATION VERSION DIGEST CHECK [ARGUMENT...]' >&2; exit 2; }
operation=$("$(dirname "$0")/swap-until-approval.sh" "${@:1:3}")
[ -n "$operation" ] || exit 0 # the version is already live
if "${@:4}"; then
  code=0
  devops approve -- "$1" "$operation" || code=$?
  # Without the right to approve, all customers return at once, and not at the time limit of the approval.
  [ $code -ne 4 ] || devops abort -- "$1" "$operation"
  exit $code
else
  echo 'the check has failed' >&2
  devops abort -- "$1" "$operation"
  exit 1
fi
