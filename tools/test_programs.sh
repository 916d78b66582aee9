#!/bin/sh
# Programs that the tests run beside LeaderSend: PostgreSQL, Chromium, Postfix and its smtp-sink,
# saslpasswd2 (who may send through that Postfix), OpenDKIM's checker, libfaketime, wrk.
# As root on Debian they are installed; elsewhere this says what to install. Nothing is started.
#   tools/test_programs.sh [has-postgresql]
set -eu

has_postgresql() { command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }
has_sink() { PATH="$PATH:/usr/sbin" command -v smtp-sink >/dev/null; }
has_sasl() { PATH="$PATH:/usr/sbin" command -v saslpasswd2 >/dev/null; }
has_opendkim() { PATH="$PATH:/usr/sbin" command -v opendkim-testmsg >/dev/null; }
has_wrk() { command -v wrk >/dev/null; }
has_faketime() { ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1; }
has_chromium() {
  [ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null || \
    command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null
}

if [ "${1:-}" = has-postgresql ]; then has_postgresql; exit; fi

wanted=""
has_postgresql || wanted="$wanted postgresql"
has_sink || wanted="$wanted postfix"
has_sasl || wanted="$wanted sasl2-bin libsasl2-modules"
has_opendkim || wanted="$wanted opendkim-tools"
has_faketime || wanted="$wanted libfaketime"
has_wrk || wanted="$wanted wrk"
has_chromium || wanted="$wanted chromium fonts-dejavu-core"
[ -n "$wanted" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing for the tests:$wanted"
  # Debian starts a service that it installs; this one file, while it lies here, says no.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT INT TERM
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq || true
  for name in $wanted; do
    apt-get install -y -qq --no-install-recommends "$name" >/dev/null 2>&1 || echo "could not install $name"
  done
fi

has_postgresql || echo "MISSING: PostgreSQL; its tests are skipped. apt-get install postgresql"
has_sink || echo "MISSING: smtp-sink; tests that send into it are skipped. apt-get install postfix"
has_sasl || echo "MISSING: saslpasswd2; tests through a Postfix are skipped. apt-get install sasl2-bin"
has_opendkim || echo "MISSING: opendkim-testmsg; one check of signatures is skipped. apt-get install opendkim-tools"
has_chromium || echo "MISSING: Chromium; browser tests are skipped. apt-get install chromium"
has_faketime || echo "MISSING: libfaketime; tests of wrong clocks are skipped. apt-get install libfaketime"
has_wrk || echo "MISSING: wrk; the storm of opens and clicks is skipped. apt-get install wrk"
