#!/bin/sh
# install.sh FOLDER: install the command line into a virtual environment, as FOLDER/bin/devops. pip
# checks the hash of each package. PYTHON names another interpreter than python3.
set -eu
folder=$1 source=$(dirname "$0")
install() { "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
"${PYTHON:-python3}" -m venv "$folder"
install --require-hashes -r "$source/requirements.lock"
# Only with the packages above: they include those of the build.
install --no-deps --no-build-isolation "$source/.."
