# SPDX-License-Identifier: MIT
"""What is compared: the server itself, and four things that stand before it, all on the same network path.

        agent's namespace                       the lab's bridge        database's namespace
   client ── loopback ── proxy ── veth ───────────── ○ ───────────────── veth ── PostgreSQL
   client ─────────────────────── veth ───────────── ○ ───────────────── veth ── PostgreSQL      (direct)
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from lab import Lab, run  # noqa: E402

CLIENT = ROOT / "build" / "release" / "bench" / "client"
PG_CONF = ("log_statement=none", "log_connections=off", "log_disconnections=off", "log_min_duration_statement=-1",
           "shared_buffers=512MB", "max_connections=2600", "autovacuum=off")

PGBOUNCER = """[databases]
lab = host={host} port={port} dbname=lab user=pgveil_agent password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = 6432
unix_socket_dir =
auth_type = any
pool_mode = session
max_client_conn = 4000
default_pool_size = 1100
server_idle_timeout = 10
log_connections = 0
log_disconnections = 0
log_stats = 0
logfile = {dir}/pgbouncer.log
pidfile = {dir}/pgbouncer.pid
"""
HAPROXY = """global
    nbthread 2
    maxconn 8000
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
frontend bench
    bind 127.0.0.1:6433
    default_backend database
backend database
    server database {host}:{port}
"""


class System:
    """argv: what a client's command line begins with; env: whom it asks; pid: of the proxy, None for none."""

    def __init__(self, name, argv, env, pid=None):
        self.name, self.argv, self.pid = name, argv, pid
        self.env = {**{k: v for k, v in os.environ.items() if not k.startswith("PG")}, **env}

    def popen(self, *argv, **kw):
        return subprocess.Popen([*self.argv, *[str(a) for a in argv]], env=self.env, text=True, **kw)

    def cpu(self):
        """Seconds that the proxy's threads have run, to the nanosecond; 0 for none."""
        total = 0
        for task in pathlib.Path("/proc/%d/task" % self.pid).iterdir() if self.pid else ():
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except FileNotFoundError:
                pass
        return total / 1e9

    def rss(self):
        """Bytes of anonymous memory."""
        for line in pathlib.Path("/proc/%d/status" % self.pid).read_text().splitlines() if self.pid else ():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
        return 0


class Bench:
    """The lab and the proxies; a context manager that leaves nothing."""

    def __init__(self, rows, scale, large, without=()):
        self.rows, self.scale, self.large, self.without = rows, scale, large, without
        self.lab = Lab(schema=None, policies=[HERE / "policy.yaml"], agents=3, pg_conf=PG_CONF, name="bench%d" % os.getpid(),
                       env={"BUILD": "release", "LAB_DAEMON_ARGS": "--max-per-cgroup 4000"})
        self.dir = tempfile.TemporaryDirectory(prefix="pgveil-bench-")
        self.started = []

    def __enter__(self):
        os.chmod(self.dir.name, 0o755)
        try:
            self.lab.up()
            self.load()
            self.proxies()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for p in self.started:
            p.terminate()
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
        self.lab.down()
        self.dir.cleanup()

    def load(self):
        self.lab.sh("dba", "--", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-v", "rows=%d" % self.rows, "-v", "large=%d" % self.large,
                    "-f", HERE / "schema.sql", timeout=600)
        self.lab.sh("dba", "--", "psql", "-XqAt", "-c", "GRANT USAGE ON SCHEMA bench TO pgveil_agent")
        self.lab.sh("dba", "--", "pgbench", "-i", "-q", "-s", self.scale, timeout=600)
        # Every system reads from the same state of the caches.
        self.lab.dba_psql("SELECT count(*) FROM pgbench_accounts")

    def proxies(self):
        lab, tmp = self.lab, pathlib.Path(self.dir.name)
        facts = {"host": lab.host, "port": lab.port, "password": lab.password(), "dir": tmp}
        for name, text in (("pgbouncer.ini", PGBOUNCER), ("haproxy.cfg", HAPROXY)):
            (tmp / name).write_text(text.format(**facts))
            (tmp / name).chmod(0o600)
            os.chown(tmp / name, *self.nobody())
        inside = ["nsenter", "--net=/run/netns/%s" % lab.agents["agent1"]["netns"], "--"]
        nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
        log = open(tmp / "proxies.log", "wb")
        os.chown(tmp, *self.nobody())

        def start(*argv):
            # A session for each backend of 1,000 clients; two sockets each.
            self.started.append(subprocess.Popen(["prlimit", "--nofile=16384", *inside, *nobody, *argv], stdout=log, stderr=log,
                                                 stdin=subprocess.DEVNULL))
            return self.started[-1].pid

        me = {"PGDATABASE": lab.dbname, "PGUSER": "pgveil_agent", "PGPASSWORD": lab.password(), "PGSSLMODE": "disable"}
        daemon = lab.info["daemon_pid"]
        self.direct = System("direct", inside, {**me, "PGHOST": lab.host, "PGPORT": str(lab.port)})
        self.others = []
        for name, port, argv in (("pgbouncer", "6432", ["/usr/sbin/pgbouncer", tmp / "pgbouncer.ini"]),
                                 ("haproxy", "6433", ["/usr/sbin/haproxy", "-db", "-f", tmp / "haproxy.cfg"])):
            if name not in self.without:
                self.others.append(System(name, inside, {**me, "PGHOST": "127.0.0.1", "PGPORT": port}, start(*argv)))
        log.close()
        agent = {"PGSSLMODE": "disable", "PGOPTIONS": ""}
        self.clear, self.masked, self.filler = (
            System(name, [str(ROOT / "scripts" / "lab.sh"), "agent", "--name", lab.name, "--root", "--as", who, "--"], agent, daemon)
            for name, who in (("pgveil", "agent2"), ("pgveil masking", "agent1"), ("pgveil masking", "agent3")))
        self.wait()

    def restart_daemon(self):
        self.lab.sh("daemon", "restart")
        pid = int((self.lab.state / "daemon.pid").read_text().split()[0])
        for s in (self.clear, self.masked, self.filler):
            s.pid = pid

    def nobody(self):
        import pwd
        p = pwd.getpwnam("nobody")
        return p.pw_uid, p.pw_gid

    def wait(self):
        """Until the proxies answer."""
        for s in self.others:
            deadline = time.monotonic() + 20
            while run([*s.argv, CLIENT, "rows", "text", "SELECT 1"], env=s.env).returncode:
                if time.monotonic() > deadline:
                    raise RuntimeError("%s does not answer: %s" % (s.name, (pathlib.Path(self.dir.name) / "proxies.log").read_text()))
                time.sleep(0.05)

    def systems(self, name):
        return [self.direct, *self.others, self.clear, self.filler if name == "tpcb" else self.masked]
