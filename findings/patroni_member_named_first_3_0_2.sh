#!/usr/bin/env bash
# Under Patroni 3.0.2 a member that is named "first" never becomes a synchronous standby.
#
# FIRST and ANY are key words of PostgreSQL's synchronous_standby_names.  In PostgreSQL 15
# a list of one standby with such a name is a syntax error unless the name is quoted.
# Patroni quotes names that do not look like plain ones, and takes "first" for a plain
# one.  So PostgreSQL refuses the setting, Patroni says at each round that it assigns the
# standby, and replication stays asynchronous.  A member named "node1" is taken.
#
# Needs root, debootstrap, and Debian's mirror; MIRROR names another one.
set -euo pipefail

mirror=${MIRROR:-http://deb.debian.org/debian}
patroni=3.0.2-1
postgresql=15.18-0+deb12u1

die() {
    echo "$*" >&2
    exit 1
}

((EUID == 0)) || die "root is needed to make a Debian in a directory: sudo bash $0"
command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"

# what is mounted and started below is seen by this script alone, and ends with it
if [[ -z ${FPGO_FINDING_APART:-} ]]; then
    FPGO_FINDING_APART=yes exec unshare --mount --propagation private --pid --fork --kill-child bash "$0"
fi

directory=$(mktemp -d)
system=$directory/system
trap 'umount -q "$system/proc"; rm -rf --one-file-system "$directory"' EXIT

debootstrap --variant=minbase bookworm "$system" "$mirror" >"$directory/log" 2>&1 ||
    die "debootstrap failed: $(tail -1 "$directory/log")"
mount -t proc proc "$system/proc"

inside() { chroot "$system" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
as_postgres() { inside setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }

# nothing is started when it is installed
printf '#!/bin/sh\nexit 101\n' >"$system/usr/sbin/policy-rc.d"
chmod 755 "$system/usr/sbin/policy-rc.d"
mkdir -p "$system/etc/postgresql-common/createcluster.d"
echo 'create_main_cluster = false' >"$system/etc/postgresql-common/createcluster.d/none.conf"
{
    inside apt-get update
    inside apt-get install -y --no-install-recommends "patroni=$patroni" "postgresql-15=$postgresql" python3-psycopg2
} >"$directory/log" 2>&1 || die "the packages were not installed: $(tail -1 "$directory/log")"

# as_patroni_writes NAME: the setting for one synchronous standby of that name
as_patroni_writes() {
    inside python3 -c 'import sys; from patroni.postgresql.sync import quote_ident; print(quote_ident(sys.argv[1]))' "$1"
}

bin=/usr/lib/postgresql/15/bin
as_postgres "$bin/initdb" -D /tmp/data >"$directory/log" 2>&1 || die "initdb failed: $(tail -1 "$directory/log")"

# as_postgresql_takes SETTING: "taken", or the error
as_postgresql_takes() {
    as_postgres "$bin/postgres" -D /tmp/data -C synchronous_standby_names -c "synchronous_standby_names=$1" \
        >"$directory/taken" 2>"$directory/error" && echo taken ||
        sed -n 's/.*invalid value for parameter/invalid value for parameter/p' "$directory/error"
}

first=$(as_postgresql_takes "$(as_patroni_writes first)")
quoted=$(as_postgresql_takes '"first"')
plain=$(as_postgresql_takes "$(as_patroni_writes node1)")
echo "Patroni $patroni writes for a member named first: $(as_patroni_writes first)"
echo "PostgreSQL $postgresql: $first"
echo "with the name quoted: $quoted; for a member named node1: $plain"
[[ $first == invalid* && $quoted == taken && $plain == taken ]] ||
    die "changed: an error, and the other two taken, were seen before"
