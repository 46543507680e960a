#!/bin/sh
# push.sh REGISTRY REPOSITORY TAG: build the image of this folder and push it, unless ECR has it already.
# Tags cannot be changed, so a repeated job must not push again.
set -eu
[ $# = 3 ] || { echo 'usage: push.sh REGISTRY REPOSITORY TAG' >&2; exit 2; }
required() { # an empty value is an unset variable of the build server
  case $2 in *[![:space:]]*) ;; *) echo "$1 is empty" >&2; exit 2 ;; esac
}
required REGISTRY "$1"
required REPOSITORY "$2"
required TAG "$3"
image=$1/$2:$3
if found=$(aws ecr describe-images --registry-id "${1%%.*}" --repository-name "$2" \
  --image-ids "imageTag=$3" 2>&1); then
  echo "$image exists already"
  exit
fi
case $found in
  *'(ImageNotFoundException)'*) ;;
  *) # for example: no permission, no repository, no connection
    printf '%s\n' "$found" >&2
    exit 1
    ;;
esac
docker build --tag "$image" .
aws ecr get-login-password | docker login --username AWS --password-stdin "$1"
docker push "$image"
