# SPDX-License-Identifier: MIT
"""Ways out of the cgroup by real services, for make bypass-daemons: sshd on loopback and cron, from packages that are unpacked into
$DAEMONS and not installed. Each runs in the agent's network namespace and a mount namespace of its own, with users and a /run of its own;
its cgroup is outside the guarded tree, as on a host where only the agents' part is guarded."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from bypass_world import Refused
from lab import PYTHON, run

ROOT = pathlib.Path(os.environ["DAEMONS"]).resolve() if os.environ.get("DAEMONS") else None
USER = "leaver"  # in the private passwd: the agent's uid, with a shell

# What the service is told to run: it dials, and hands the connection to the agent.
DIAL = "import socket; d = socket.create_connection(%r); u = socket.socket(socket.AF_UNIX); u.connect('\\\\0%s'); socket.send_fds(u, [b'x'], [d.fileno()])"

PRIVATE = """mount --make-rprivate / && cd "$0" && for f in passwd shadow; do mount --bind $f /etc/$f; done
mount -t tmpfs none /run && mkdir /run/sshd && mount -t tmpfs none /var/spool && mkdir -p /var/spool/cron
if [ -d crontabs ]; then cp -a crontabs /var/spool/cron/; fi
if [ -d /etc/cron.d ]; then mount -t tmpfs none /etc/cron.d; fi
if [ -e /etc/crontab ]; then mount --bind /dev/null /etc/crontab; fi
exec "$@"
"""


@contextlib.contextmanager
def service(w, prepare, argv):
    """Runs a service with what prepare leaves in its directory."""
    with tempfile.TemporaryDirectory() as d:
        d = pathlib.Path(d)
        d.chmod(0o755)
        shutil.copy("/etc/passwd", d / "passwd")
        with open(d / "passwd", "a") as f:
            f.write("%s:x:65534:65534::/:/bin/sh\nsshd:x:64999:65534::/run/sshd:/usr/sbin/nologin\n" % USER)
        (d / "shadow").write_text("root:*:19000:0:99999:7:::\n%s:*:19000:0:99999:7:::\n" % USER)
        prepare(d)
        libraries = {**os.environ, "LD_LIBRARY_PATH": "%s/usr/lib/x86_64-linux-gnu:%s/lib/x86_64-linux-gnu" % (ROOT, ROOT)}
        log = open(d / "log", "w+")
        p = subprocess.Popen(["nsenter", "--net=/run/netns/pgveil-%s-agent1" % w.lab.name, "unshare", "-m", "sh", "-c", PRIVATE, d,
                              *[str(a).replace("{d}", str(d)) for a in argv]], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=libraries)
        try:
            yield d
        finally:
            p.terminate()
            p.wait(30)
            log.close()


def received(w, agent, name):
    return w.outcome(agent.do("c = a.accept()[0]; s = socket(fileno=recv_fds(c, 1, 1)[1][0])"))


def listening(agent, name):
    agent.do("a = socket(AF_UNIX); a.bind('\\0%s'); a.listen(); a.settimeout(90)" % name)


def by_sshd(w):
    def prepare(d):
        for key in "host", "key":
            run([ROOT / "usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", d / key], check=True)
        shutil.copy(ROOT / "usr/bin/ssh", d / "ssh")
        (d / "authorized").write_bytes((d / "key.pub").read_bytes())
        os.chown(d / "key", 65534, 65534)

    name = "pgveil-bypass-sshd"
    sshd = [ROOT / "usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", "2222", "-h", "{d}/host"]
    for option in "ListenAddress=127.0.0.1", "AuthorizedKeysFile={d}/authorized", "StrictModes=no", "UsePAM=no", "PidFile=none":
        sshd += ["-o", option]
    with w.hand() as agent, service(w, prepare, sshd) as d:
        listening(agent, name)
        remote = '%s -c "%s"' % (PYTHON, DIAL % (w.db, name))
        ssh = [str(d / "ssh"), "-F", "none", "-i", str(d / "key"), "-p", "2222", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o",
               "UserKnownHostsFile=/dev/null", "-o", "ConnectionAttempts=30", USER + "@127.0.0.1", remote]
        try:
            agent.do("import subprocess\nr = subprocess.run(%r, stdout=subprocess.DEVNULL).returncode\nif r: raise OSError(r, '')" % ssh)
            return received(w, agent, name)
        except Refused as e:
            return "refused: %s %s" % (e, (d / "log").read_text()[-300:])


def by_cron(w):
    name = "pgveil-bypass-cron"

    def prepare(d):
        (d / "crontabs").mkdir()
        tab = d / "crontabs" / USER
        tab.write_text('@reboot %s -c "%s"\n' % (PYTHON, DIAL % (w.db, name)))
        tab.chmod(0o600)
        os.chown(tab, 65534, 65534)

    with w.hand() as agent:
        listening(agent, name)
        with service(w, prepare, [ROOT / "usr/sbin/cron", "-f"]) as d:
            try:
                return received(w, agent, name)
            except Refused as e:
                return "refused: %s %s" % (e, (d / "log").read_text()[-300:])
