#!/usr/bin/env bash
# Run the quick tests with the oldest versions of the dependencies that pyproject.toml allows.
#
#     tools/test_lowest.sh PYTHON FOLDER [PYTEST ARGUMENTS]
set -euo pipefail

python=$1 folder=$2
shift 2
cd "$(dirname "$0")/.."
[[ -x $folder/bin/python ]] || "$python" -m venv "$folder"
pip=("$folder/bin/pip" --disable-pip-version-check --quiet)
"${pip[@]}" install uv
"$folder/bin/uv" pip compile --quiet --resolution lowest-direct --python "$folder/bin/python" \
  --extra parquet --extra plots --output-file "$folder/lowest.txt" pyproject.toml
# The tools that run the tests are those of constraints.txt.
tools=(hypothesis psutil pytest pytest-timeout pytest-xdist sfzen)
grep -E "^($(IFS='|'; echo "${tools[*]}"))==" constraints.txt >"$folder/tools.txt"
"${pip[@]}" install --requirement "$folder/lowest.txt" --requirement "$folder/tools.txt"
"${pip[@]}" install --no-deps --editable .
# Warnings of old packages about a newer Python are no failures.
"$folder/bin/python" -m pytest --numprocesses auto -m "not slow" -W default "$@"
