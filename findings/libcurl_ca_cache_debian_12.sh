#!/usr/bin/env bash
# Debian 12's libcurl reads all certificates of the system for each new connection,
# though it has a cache for them that is on.
#
# libcurl 7.87 and later keep the certificates that they have read for a day
# (CURLOPT_CA_CACHE_TIMEOUT), but only where no directory of certificates is set.
# Debian builds libcurl with the directory /etc/ssl/certs beside the file
# /etc/ssl/certs/ca-certificates.crt, so a program that sets neither never has the
# cache.  With CURLOPT_CAPATH set to NULL the file is read once.
#
# Needs root, debootstrap, and Debian's mirror; MIRROR names another one.
set -euo pipefail

mirror=${MIRROR:-http://deb.debian.org/debian}
version=7.88.1-10+deb12u15
connections=5

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

{
    inside apt-get update
    inside apt-get install -y --no-install-recommends "libcurl4=$version" "libcurl4-openssl-dev=$version" \
        ca-certificates gcc libc6-dev openssl strace
} >"$directory/log" 2>&1 || die "the packages were not installed: $(tail -1 "$directory/log")"

# an authority of the system's, and a server that it vouches for
inside openssl req -x509 -newkey rsa:2048 -nodes -keyout /key -out /usr/local/share/ca-certificates/own.crt -days 2 \
    -subj /CN=localhost -addext 'subjectAltName=IP:127.0.0.1' 2>/dev/null
inside update-ca-certificates >/dev/null 2>&1
inside openssl s_server -accept 127.0.0.1:0 -www -cert /usr/local/share/ca-certificates/own.crt -key /key \
    >"$directory/server" 2>&1 &
for ((i = 0; i < 100; i++)); do
    port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' "$directory/server")
    [[ -z $port ]] || break
    sleep 0.1
done
[[ -n $port ]] || die "the server did not start: $(tail -1 "$directory/server")"

cat >"$system/fetch.c" <<'END'
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

/* fetch ADDRESS CONNECTIONS [without-directory] */
int
main(int n_arguments, char **arguments)
{
	CURL	   *easy = curl_easy_init();

	for (int i = 0; i < atoi(arguments[2]); i++)
	{
		CURLcode	code;

		curl_easy_setopt(easy, CURLOPT_URL, arguments[1]);
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
		curl_easy_setopt(easy, CURLOPT_WRITEDATA, stderr);
		if (n_arguments > 3)
			curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
		code = curl_easy_perform(easy);
		if (code != CURLE_OK)
		{
			printf("%s\n", curl_easy_strerror(code));
			return 1;
		}
	}
	puts(curl_version());
	return 0;
}
END
inside gcc -o /fetch /fetch.c -lcurl

# how often the file of all certificates is opened
count() {
    inside strace -f -e trace=openat -o /trace /fetch "https://127.0.0.1:$port/" "$connections" "$@" >"$directory/said" 2>/dev/null ||
        die "the server was not reached: $(tail -1 "$directory/said")"
    grep -c 'ca-certificates\.crt' "$system/trace"
}
by_default=$(count)
without=$(count without-directory)
echo "$(cut -d' ' -f1,2 "$directory/said"), $connections new connections to a server with a certificate of the system's:"
echo "the file of all certificates is read $by_default times; with CURLOPT_CAPATH set to NULL, $without time(s)"
((by_default == connections && without == 1)) ||
    die "changed: $connections times and once were seen before"
