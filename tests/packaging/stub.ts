/**
 * The shell stub in front of a packed executable. It asks for a POSIX shell and for what Linux
 * systems have besides: coreutils, tar and, at the first start, xz. That is there but in the smallest
 * containers, for which files can be packed with gzip. zstd is missing in more places; its files are an eighth
 * larger than those of xz (tests/bench/README.md has the sizes and times).
 *
 * Design: the archive is unpacked once into BASE/HASH, where BASE is the user's cache folder and HASH
 * the archive's SHA-256. What was unpacked is checked by the SHA-256 of every file; only where that fails the
 * archive itself is looked at, to tell a damaged file from a full disk. Work happens in a temporary folder of
 * the same file system that ends with a rename, so HASH either is whole or is not there, and of two first runs
 * at once the later one uses what the earlier one made. What a killed first start left is removed by a later
 * one.
 *
 * Every start compares the unpacked files with what is known of them: inode, size and time of change,
 * which nobody can set. Where anything differs, the files are hashed (half a second), and unpacked again
 * when they are not those of the archive. Then the shell replaces itself with Deno: arguments, exit code
 * and signals are Deno's.
 */

import { quoteWord } from "../../lib/system/words.ts";

/** What the stub has to know of the archive behind it. */
export interface StubOptions {
  /** Name and version, for the first comment. */
  readonly title: string;
  /** The archive's SHA-256 in hexadecimal digits. */
  readonly hash: string;
  /** The SHA-256 of the list of files. */
  readonly sumsHash: string;
  /** Size of all unpacked files in bytes, the list of files itself apart. */
  readonly unpackedBytes: number;
  /** The program's permissions, as Deno's options. */
  readonly permissions: readonly string[];
  /** What the archive is compressed by. */
  readonly compression: Compression;
}

/** What an archive can be compressed by. */
export const COMPRESSIONS = ["xz", "gzip"] as const;
/** One of them; also the name of the tool that unpacks it. */
export type Compression = (typeof COMPRESSIONS)[number];

/** Options that unpack; xz before 5.4 takes one core whatever it is told. */
const UNPACK: Readonly<Record<Compression, string>> = { xz: "-dc -T0", gzip: "-dc" };

/** The list of the archive's files with their hashes, as `sha256sum` writes it, in the archive itself. */
export const FILE_LIST = "sums";
/** What a start knows of the files that it has hashed. */
const STAMP = "stamp";
/** The Deno binary in the archive. */
export const DENO = "deno";
/** The folder of the program in the archive. */
export const PROGRAM = "program";

const OFFSET_DIGITS = 8;

/** Writes the stub; the archive follows its last byte. */
export function renderStub(options: StubOptions): string {
  const text = stubText(options);
  const length = new TextEncoder().encode(text).length;
  return text.replace(OFFSET_MARK, String(length + 1).padStart(OFFSET_DIGITS, "0"));
}

const OFFSET_MARK = "@".repeat(OFFSET_DIGITS);

function stubText(
  { title, hash, sumsHash, unpackedBytes, permissions, compression }: StubOptions,
): string {
  return `#!/bin/sh
# ${title}: this shell script, then a compressed archive of the program and the Deno that runs it.
# The first start unpacks it into the user's cache folder; the network is never touched.
set -eu
hash=${hash}
sums=${sumsHash}
start=${OFFSET_MARK}

fail() {
  printf 'Cannot start udrlpg: %s\\n' "$1" >&2
  exit 3
}

# Tells whether the unpacked files in folder $1 are those of the archive.
whole() {
  [ -f "$1/${FILE_LIST}" ] || return 1
  # Another start may have put the folder aside by now.
  now=$(cd -- "$1" 2>/dev/null && describe) || now=
  if [ -n "$now" ] && [ -f "$1/${STAMP}" ] && [ "$(cat -- "$1/${STAMP}")" = "$now" ]; then return 0; fi
  (cd -- "$1" 2>/dev/null && same) || return 1
  [ -z "$now" ] || printf '%s\\n' "$now" 2>/dev/null >"$1/${STAMP}" || :
}

# Writes what changes with every change of a listed file in the present folder.
describe() {
  { echo ${FILE_LIST}; cut -c67- <${FILE_LIST}; } | xargs stat -c '%n %i %s %z' 2>/dev/null
}

# Tells whether the listed files in the present folder have the hashes that they had.
same() {
  sum=$(checksum <${FILE_LIST})
  [ "\${sum%% *}" = $sums ] || return 1
  if command -v sha256sum >/dev/null; then sha256sum -c ${FILE_LIST}; else shasum -a 256 -c ${FILE_LIST}; fi \\
    >/dev/null 2>&1
}

# Removes from folder $1 what killed starts left there: at once where their process is known to be gone.
sweep() {
  for left in "$1"/unpack.*; do
    [ -d "$left" ] && [ ! -L "$left" ] || continue
    of=\${left##*/unpack.}
    of=\${of%.*}
    if [ "\${of%.*}" = "$node" ]; then
      kill -0 "\${of##*.}" 2>/dev/null || rm -rf -- "$left"
    elif [ -n "$(find "$left" -prune -mmin +60 2>/dev/null)" ]; then
      rm -rf -- "$left"
    fi
  done
}

# Tells whether folder $1 is this user's alone to write in; makes it when it is not there. A link is
# refused: in a shared folder for temporary files somebody else could turn it later.
own() {
  [ ! -L "$1" ] || return 1
  [ -d "$1" ] || (umask 077 && mkdir -p -- "$1") 2>/dev/null || return 1
  [ -w "$1" ] || return 1
  listing=$(ls -ldn -- "$1/.") || return 1
  set -- $listing
  case $1 in d????w* | d???????w*) return 1 ;; esac
  [ "$3" = "$(id -u)" ]
}

checksum() {
  if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi
}

# Unpacks into folder $1.
unpack() {
  command -v ${compression} >/dev/null || fail "${compression} must be installed, to unpack the first time"
  own "$1" || return 1
  sweep "$1"
  work=$(mktemp -d "$1/unpack.$node.$$.XXXXXX" 2>/dev/null) || return 1
  trap 'rm -rf -- "$work"' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  mkdir -- "$work/$hash"
  tail -c +$start -- "$self" | ${compression} ${UNPACK[compression]} 2>/dev/null |
    tar -xof - -C "$work/$hash" 2>/dev/null || :
  if whole "$work/$hash" && "$work/$hash/${DENO}" --version >/dev/null 2>&1; then
    # What is there already is either damaged, and put aside, or another first run's work, and used.
    whole "$1/$hash" || mv -- "$1/$hash" "$work/damaged" 2>/dev/null || :
    mv -- "$work/$hash" "$1/" 2>/dev/null || :
  else
    sum=$(tail -c +$start -- "$self" | checksum)
    [ "\${sum%% *}" = $hash ] || fail "the file must be whole, its archive is damaged: $self"
  fi
  rm -rf -- "$work"
  trap - EXIT HUP INT TERM
  whole "$1/$hash"
}

# Puts into $base the first of the given folders where the program is or can be unpacked.
locate() {
  for base in "$@"; do
    case $base in /*) ;; *) continue ;; esac
    if [ -d "$base" ] && own "$base" && whole "$base/$hash"; then
      sweep "$base"
      return 0
    fi
  done
  for base in "$@"; do
    case $base in /*) ;; *) continue ;; esac
    if unpack "$base"; then return 0; fi
  done
  return 1
}

case $0 in */*) self=$0 ;; *) self=$(command -v -- "$0") || self=./$0 ;; esac
[ -r "$self" ] || fail "the file must be readable, got $self"
node=$(uname -n)
home=\${HOME:-}
[ -d "$home" ] || home=
locate "\${XDG_CACHE_HOME:+$XDG_CACHE_HOME/udrlpg}" "\${home:+$home/.cache/udrlpg}" \\
  "\${TMPDIR:-/tmp}/udrlpg-$(id -u)" "/var/tmp/udrlpg-$(id -u)" ||
  fail "a cache folder must be writable and allow programs to run, with ${
    Math.ceil(unpackedBytes / 1e6)
  } MB free (and Deno needs glibc 2.27 or newer): set XDG_CACHE_HOME"
DENO_DIR=$base/$hash/cache
DENO_NO_UPDATE_CHECK=1
export DENO_DIR DENO_NO_UPDATE_CHECK

# Planned sweeps begin with this program as it was called, where that is one plain word.
case $0 in
  *[!A-Za-z0-9_./+-]*) ;;
  *) : "\${UDRLPG_PROGRAM:=$0}" && export UDRLPG_PROGRAM ;;
esac

exec "$base/$hash/${DENO}" run --config "$base/$hash/${PROGRAM}/deno.json" --no-lock \\
  --cached-only --no-remote --node-modules-dir=manual \\
  ${permissions.map(quoteWord).join(" ")} \\
  "$base/$hash/${PROGRAM}/main.ts" "$@"
# The archive follows.
`;
}
