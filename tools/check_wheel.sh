#!/usr/bin/env bash
# Build the wheel, install it into an empty environment away from the checkout, and do the main
# job there: scan, query, find what sounds alike.
#
#     tools/check_wheel.sh PYTHON      (a Python with the package "build")
set -euo pipefail

python=$(realpath --no-symlinks "$1")
checkout=$(realpath "$(dirname "$0")/..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m build --wheel --outdir "$work" "$checkout" >"$work/build.log" 2>&1 ||
  { cat "$work/build.log"; exit 1; }
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  --constraint "$checkout/constraints.txt" "$work"/libindex-*.whl

cp -r "$checkout/demo_sounds" "$work/Samples"
cd "$work"
export LIBINDEX_DB="$work/library.db" PYTHONWARNINGS=error
unset PYTHONPATH
bin=$work/venv/bin
"$bin/python" -c 'import libindex, sys; assert "site-packages" in libindex.__file__, libindex.__file__'
"$bin/libindex" scan Samples
hits=$("$bin/libindex" query --class kick --min-prob 0.5)
grep -q 'kick01.ogg$' <<<"$hits"
test "$("$bin/libindex" similar kick01.ogg -n 3 | wc -l)" -eq 3
"$bin/libindex" status >/dev/null
"$bin/libindex" classify Samples/kick01.ogg
echo "the wheel works: $(basename "$work"/libindex-*.whl)"
