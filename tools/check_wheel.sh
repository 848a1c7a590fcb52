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
# The page, without Node: it is served, lets in who has its code, and its sounds can be heard.
"$bin/libindex" serve --no-browser --port 0 >"$work/address" 2>"$work/serve.log" &
server=$!
trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 100); do [[ -s $work/address ]] && break; sleep 0.2; done
"$bin/python" - "$(cat "$work/address")" <<'PAGE'
import json, sys, urllib.request

origin, _, code = sys.argv[1].partition("/#")

def ask(path, body=None, token=""):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(urllib.request.Request(origin + path, data, headers)).read()

assert b"<script" in ask("/")
assert len(ask("/main.js")) > 50_000
token = json.loads(ask("/api/session", {"code": code}))["token"]
assert ask("/api/points", token=token)[:4] == b"LIXP"
assert ask("/api/sounds/1/audio", token=token)[:4] == b"RIFF"
PAGE
kill $server && wait $server
echo "the wheel works: $(basename "$work"/libindex-*.whl)"
