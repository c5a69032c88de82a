#!/usr/bin/env bash
# pg_upgrade from PostgreSQL 17.12 to 18.6 fails for every database that has a
# table of its own.
#
# 17.12-0+deb13u1 of Debian 13 keeps a mark pg_attver in the options of each column
# that is made (pg_attribute.attoptions).  Its pg_dump writes the mark as ALTER
# TABLE ... ALTER COLUMN ... SET (pg_attver=...).  18.6-3 of Debian testing
# knows no such option and refuses the statement, and pg_upgrade ends there.
# `pg_upgrade --check` says before that the clusters are compatible.
#
# Needs root, debootstrap, and Debian's mirror; MIRROR names another one.
set -euo pipefail

mirror=${MIRROR:-http://deb.debian.org/debian}
old=17.12-0+deb13u1
new=18.6-3

die() {
    echo "$*" >&2
    exit 1
}

((EUID == 0)) || die "root is needed to make a Debian in a directory: sudo bash $0"
command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"

# what is mounted below is seen by this script alone, and ends with it
if [[ -z ${FPGO_FINDING_APART:-} ]]; then
    FPGO_FINDING_APART=yes exec unshare --mount --propagation private bash "$0"
fi

directory=$(mktemp -d)
system=$directory/system
trap 'umount -q "$system/proc"; rm -rf --one-file-system "$directory"' EXIT

debootstrap --variant=minbase testing "$system" "$mirror" >"$directory/log" 2>&1 ||
    die "debootstrap failed: $(tail -1 "$directory/log")"
echo "deb $mirror trixie main" >"$system/etc/apt/sources.list.d/trixie.list"

mount -t proc proc "$system/proc"

inside() { chroot "$system" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
postgres() { inside runuser -u postgres -- "$@"; }

{
    inside apt-get update
    # no cluster of the packages' own
    inside mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' >"$system/etc/postgresql-common/createcluster.d/none.conf"
    inside apt-get install -y --no-install-recommends "postgresql-17=$old" "postgresql-18=$new"
} >"$directory/log" 2>&1 || die "the packages were not installed: $(tail -1 "$directory/log")"

from=/usr/lib/postgresql/17/bin
to=/usr/lib/postgresql/18/bin
inside install -d -o postgres /clusters
postgres "$from/initdb" -D /clusters/old -A trust -E UTF8 --locale=C >/dev/null
postgres "$to/initdb" -D /clusters/new -A trust -E UTF8 --locale=C --no-data-checksums >/dev/null

# one table with one column
postgres "$from/postgres" --single -D /clusters/old template1 >/dev/null 2>&1 <<<'CREATE TABLE kept (a integer)'
mark=$(postgres "$from/postgres" --single -D /clusters/old template1 2>/dev/null \
    <<<"SELECT attoptions FROM pg_attribute WHERE attrelid = 'kept'::regclass AND attnum = 1" |
    sed -n 's/.*attoptions = "\([^"]*\)".*/\1/p')
echo "17.12 keeps with the column: ${mark:-nothing}"

upgrade() {
    postgres sh -c "cd /clusters && $to/pg_upgrade --old-bindir=$from --new-bindir=$to \
        --old-datadir=/clusters/old --new-datadir=/clusters/new --socketdir=/clusters $*"
}
checked=$(upgrade --check) || die "changed: pg_upgrade --check fails: $checked"
echo "pg_upgrade --check says: $(tail -1 <<<"$checked")"
if upgrade >"$directory/out" 2>&1; then
    die "changed: pg_upgrade succeeds"
fi
said=$(grep -rh pg_attver "$system"/clusters/new/pg_upgrade_output.d/*/log/*.log "$directory/out" |
    grep -m1 'ERROR') || die "changed: pg_upgrade fails for another reason: $(tail -1 "$directory/out")"
echo "pg_upgrade fails: ${said#*ERROR:  }"
