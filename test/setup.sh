#!/bin/sh
# Installs the servers and the Lua that tests start, where they are missing: as
# root on Debian. Elsewhere it says what to install. Nothing here is left running.
set -eu

missing=""
want() { missing="$missing $1"; }

has_postgres() {
  command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}

has_lua() {
  command -v luac5.4 >/dev/null || luac -v 2>/dev/null | grep -q '^Lua 5\.4'
}

[ -n "${TEST_PG_URL:-}" ] || has_postgres || want postgresql
[ -n "${TEST_REDIS_URL:-}" ] || command -v redis-server >/dev/null || want redis-server
has_lua || want lua5.4
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "tests need what is missing here:$missing" >&2
  echo "on Debian: sudo apt-get install$missing; or name running servers by TEST_PG_URL and TEST_REDIS_URL;" >&2
  echo "make test-embedded runs the tests that need Go alone" >&2
  exit 1
fi

echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# PostgreSQL without a cluster of its own, and no service started: tests start
# what they need, as they need it.
mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] ||
  echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
started=yes
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
  started=no
fi
status=0
# shellcheck disable=SC2086 # words are packages
apt-get -o Dpkg::Options::=--force-confold install -y -qq --no-install-recommends $missing >/dev/null || status=$?
[ "$started" = yes ] || rm -f /usr/sbin/policy-rc.d
exit "$status"
