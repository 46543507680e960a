#!/usr/bin/env bash
# continue-swap.sh APPLICATION OPERATION CHECK [ARGUMENT...]: run the command CHECK, then approve the swap that waits for
# its approval, and wait for its end. If the check fails, all customers return. After the decision of a person, CHECK is
# the command `true`.
set -euo pipefail
[ $# -ge 3 ] || { echo 'usage: continue-swap.sh APPLICATION OPERATION CHECK [ARGUMENT...]' >&2; exit 2; }
APPLICATION=$1 OPERATION=$2
for name in APPLICATION OPERATION; do # an empty value is an unset variable of the build server
  [[ ${!name} == *[![:space:]]* ]] || { echo "$name is empty" >&2; exit 2; }
done
if "${@:3}"; then
  code=0
  devops approve -- "$APPLICATION" "$OPERATION" || code=$?
  # Without the right to approve, all customers return at once, and not at the time limit of the approval.
  [ $code -ne 4 ] || devops abort -- "$APPLICATION" "$OPERATION"
  exit $code
else
  echo 'the check has failed' >&2
  devops abort -- "$APPLICATION" "$OPERATION"
  exit 1
fi
