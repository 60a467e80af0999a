#!/bin/sh
# Builds the program with several release profiles and measures each: size, build, start, reading a document.
# benches/profiles.sh [DOCUMENT OPERATION], after `cargo build --release` in benches/. ROWS chooses others: lto,
# codegen-units, panic, and opt-level, where `kept` is what Cargo.toml says of each crate. PROGRAMS names programs that
# are there already, which are measured beside them. What was measured is added to the file KEEP, as lines of a table;
# the programs stay in the folder that is named at the end.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
benches=${OPCALL_BENCHES:-$here/target/release/opcall-benches}
keep=${KEEP:-$here/target/profiles.md}
out=$(mktemp -d)
export CARGO_TARGET_DIR="$out/target"
rows=${ROWS-"thin 4 unwind kept:thin 4 abort kept:fat 1 unwind kept:fat 1 abort kept:fat 1 abort s:fat 1 abort 3"}
fast=$(sed -n '/^\[profile.release.package\]/,/^$/s/^\([a-z0-9_-]*\) = .*/\1/p' "$root/Cargo.toml")
document=${1-} operation=${2-}
# Cargo.toml's own level stands where none is given.
levels() {
    [ "$1" != kept ] || return 0
    case $1 in [0-9]) value=$1 ;; *) value="\"$1\"" ;; esac
    echo "profile.release.opt-level=$value"
    for crate in $fast; do echo "profile.release.package.$crate.opt-level=$value"; done
}
# The middle one of 21 runs, in milliseconds of processor time.
middle() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21; do "$benches" measure "$@"; done |
        sed 's/.*"cpu":\([0-9.e-]*\).*/\1/' | sort -g | sed -n 11p | awk '{ printf "%.2f", $1 * 1000 }'
}
# A line of the table: what it is, the program, the seconds that its build took.
line() {
    start=$(middle "$2" tokens_query limit=5 --dry-run)
    read=-
    [ -z "$operation" ] || read=$(middle "$2" show "$operation" --spec "$document" --no-cache)
    echo "| $1 | $(($(stat -c %s "$2") / 1000)) | $3 | $start | $read |" | tee -a "$keep"
}
mkdir -p "$(dirname "$keep")"
printf '\n| release profile | KB | build, s of processor | start (dry run), ms | read a document, ms |\n|---|---|---|---|---|\n' | tee -a "$keep"
for program in ${PROGRAMS-}; do line "$program" "$program" -; done
IFS=:
for row in $rows; do
    IFS=' '
    set -- $row
    export CARGO_PROFILE_RELEASE_LTO="$1" CARGO_PROFILE_RELEASE_CODEGEN_UNITS="$2" CARGO_PROFILE_RELEASE_PANIC="$3"
    name="$1 $2 $3 $4" program="$out/opcall-$1-$2-$3-$4"
    IFS='
'
    options=$(levels "$4")
    set --
    for option in $options; do set -- "$@" --config "$option"; done
    IFS=' '
    rm -rf "$out/target"
    took=$( { command time -f '%U' cargo build -q --release --bin opcall --manifest-path "$root/Cargo.toml" "$@"; } 2>&1 | tail -1)
    cp "$out/target/release/opcall" "$program"
    line "$name" "$program" "$took"
done
rm -rf "$out/target"
echo "$out"
