#!/usr/bin/env bash
# Checks and measures this program on a machine with a GPU and writes one JSON file:
#
#     bash tests/device/run.sh [--pieces DIR] [--work DIR] [--out FILE] [--quick] [--minutes N]
#
# DIR holds what the machine lacks, any of:
#     deno, or deno*.zip             Deno, where it is not on the PATH
#     node_modules.tar*              the packages, as `deno install --frozen` made them
#     *.whl                          Python wheels: onnxruntime-gpu 1.30.0, NVIDIA's libraries
#     *.so, *.so.N                   the same libraries by themselves
#     NAME.part-aa, NAME.part-ab ... pieces of one of the above, made by `split`
# Everything is unpacked into --work (a folder of its own under TMPDIR when absent); only node_modules
# goes where it belongs. NVIDIA's libraries of an installed Python are found without being given.
#
# What is missing is told in the JSON with its reason. Exit code 0: all that is there is right; 1: it is
# not; 2: wrong usage; 3: a piece cannot be unpacked.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
fail() { # EXIT_CODE LINE
  printf '%s\n' "$2" >&2
  exit "$1"
}

pieces='' work='' out="$PWD/device.json" words=()
while [ $# -gt 0 ]; do
  case $1 in
    --quick) words+=("$1"); shift ;;
    --pieces | --work | --out | --minutes)
      [ $# -gt 1 ] || fail 2 "Cannot run: $1 must have a value, got none"
      case $1 in
        --pieces) pieces=$2 ;;
        --work) work=$2 ;;
        --out) out=$2 ;;
        --minutes) words+=("$1" "$2") ;;
      esac
      shift 2 ;;
    *) fail 2 "Cannot run: options are --pieces, --work, --out, --quick and --minutes, got $1" ;;
  esac
done
[ -z "$pieces" ] || [ -d "$pieces" ] || fail 3 "Cannot unpack: --pieces must be a folder, got $pieces"

absolute() { case $1 in '' | /*) printf '%s' "$1" ;; *) printf '%s/%s' "$PWD" "$1" ;; esac; }
pieces=$(absolute "$pieces") work=$(absolute "$work") out=$(absolute "$out")
[ -n "$work" ] || work=$(mktemp -d "${TMPDIR:-/tmp}/udrlpg-device-XXXXXX")
mkdir -p "$work/bin" "$work/cuda" "$work/joined"

# Extracts members of a zip file, without their folders: unzip is missing more often than Python.
extract() { # FILE DIR PATTERN
  if command -v unzip > /dev/null; then
    unzip -joq "$1" "$3" -d "$2" 2> /dev/null || [ $? -eq 11 ] || return 1 # 11: nothing matches
  else
    python3 - "$@" << 'END'
import fnmatch, os, shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    for name in fnmatch.filter(archive.namelist(), sys.argv[3]):
        with archive.open(name) as source, open(f"{sys.argv[2]}/{os.path.basename(name)}", "wb") as sink:
            shutil.copyfileobj(source, sink)
END
  fi
}

unpack() { # FILE
  case ${1##*/} in
    deno) cp "$1" "$work/bin/deno" && chmod +x "$work/bin/deno" ;;
    deno*.zip) extract "$1" "$work/bin" deno && chmod +x "$work/bin/deno" ;;
    node_modules.tar*) tar -xf "$1" -C "$root" ;;
    *.whl) extract "$1" "$work/cuda" '*.so*' ;;
    *.so | *.so.[0-9]*) cp "$1" "$work/cuda/" ;;
    *) printf 'left alone: %s\n' "${1##*/}" >&2 ;;
  esac
}

if [ -n "$pieces" ]; then
  for first in "$pieces"/*.part-aa; do
    [ -f "$first" ] || continue
    name=${first%.part-aa}
    cat "$name".part-* > "$work/joined/${name##*/}"
  done
  for file in "$pieces"/* "$work"/joined/*; do
    [ -f "$file" ] || continue
    case $file in *.part-*) continue ;; esac
    unpack "$file" 2> "$work/unpack.log" ||
      fail 3 "Cannot unpack ${file##*/}: it must be whole, got: $(tail -n 1 "$work/unpack.log")"
    cat "$work/unpack.log" >&2
  done
fi

# The libraries of an installed Python come last: what was given wins.
installed=$(python3 -c 'import glob, site, sys
print(":".join(d for p in sys.path + site.getsitepackages() for d in glob.glob(p + "/nvidia/*/lib")))' \
  2> /dev/null || true)
export LD_LIBRARY_PATH="$work/cuda${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}${installed:+:$installed}"
export PATH="$work/bin:$PATH"
if [ -f "$work/cuda/libonnxruntime_providers_cuda.so" ]; then export UDRLPG_CUDA_PATH="$work/cuda"; fi

command -v deno > /dev/null || fail 3 "Cannot run: deno must be on the PATH or among the pieces"
cd "$root"
code=0
deno run -A --config "$root/deno.json" "$here/measure.ts" --out "$out" ${words[@]+"${words[@]}"} || code=$?
printf 'Written: %s\n' "$out"
exit "$code"
