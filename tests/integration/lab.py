# SPDX-License-Identifier: MIT
"""A lab of scripts/lab.sh for the tests, and processes in it: as an agent, as the DBA, or in any cgroup and namespace."""

import array
import codecs
import collections
import contextlib
import errno
import glob
import itertools
import json
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import tempfile

import wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
SCRIPT = ROOT / "scripts" / "lab.sh"
PYTHON = "/usr/bin/python3"
# Not Debian's psql of the PATH, a script that looks for this one for longer than most statements run.
PSQL = next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin/psql"), reverse=True)), "psql")
BUILD = os.environ.get("BUILD", "release")
PATIENCE = int(os.environ.get("LAB_PATIENCE", "1"))  # of scripts/lab.sh

# Runs where the agent runs: connects whenever it is asked and passes the socket (or the errno) to the test, which then speaks by hand.
DIAL = r"""
import array, os, socket, sys
out = socket.socket(fileno=int(sys.argv[1]))
while asked := out.recv(512):
    host, port, source, sport = asked.decode().split("\n")
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    s.settimeout(20)
    try:
        if source:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((source, int(sport)))
        s.connect((host, int(port)))
        out.sendmsg([b"0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])
    except OSError as e:
        out.send(str(e.errno or -1).encode())
    s.close()
"""


@contextlib.contextmanager
def postgres_dir():
    """A directory of the user postgres. Not one of pytest's: whoever starts another pytest shuts the way to those."""
    base = pathlib.Path(tempfile.mkdtemp(prefix="pgveil-postgres-", dir="/tmp"))
    try:
        base.chmod(0o755)
        shutil.chown(base, "postgres", "postgres")
        yield base
    finally:
        shutil.rmtree(base)


def run(argv, check=False, **kw):
    kw.setdefault("timeout", 120 * PATIENCE)
    if "input" not in kw:
        kw.setdefault("stdin", subprocess.DEVNULL)
    p = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)
    if check and p.returncode != 0:
        raise AssertionError("%s: exit %d\n%s\n%s" % (shlex.join(str(a) for a in argv), p.returncode, p.stdout.decode(errors="replace"),
                                                     p.stderr.decode(errors="replace")))
    return p


class Dialer:
    """A process that runs DIAL: it connects as often as it is asked, for to start one costs more than most tests do."""

    def __init__(self, argv, env):
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = [str(a) for a in [*argv, PYTHON, "-I", "-S", "-c", DIAL, theirs.fileno()]]
        with theirs:
            self.process = subprocess.Popen(argv, env=env, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)

    def dial(self, host, port, source, source_port):
        """→ a socket; OSError with its errno; EOFError when the process is gone."""
        try:
            self.ours.send("\n".join((host, str(port), source, str(source_port))).encode())
            data, ancillary, _, _ = self.ours.recvmsg(64, socket.CMSG_SPACE(4))
        except (BrokenPipeError, ConnectionResetError):
            data = b""
        if not data:
            raise EOFError("the process that connects is gone")
        if data != b"0":
            raise OSError(int(data), os.strerror(int(data)))
        fds = array.array("i")
        fds.frombytes(ancillary[0][2])
        return socket.socket(fileno=fds[0])

    def close(self):
        self.ours.close()
        self.process.wait(30)


def recorded(policy, how, folder):
    """The same policy with its documents' `record`."""
    copy = folder / pathlib.Path(policy).name
    copy.write_text(pathlib.Path(policy).read_text().replace("\nspec:\n", "\nspec:\n  record: %s\n" % how))
    return copy


class Lab:
    numbers = itertools.count(1)

    def __init__(self, schema=HERE / "schema.sql", policies=(HERE / "agent1.yaml", HERE / "agent2.yaml"), agents=2, pg_conf=(), args=(),
                 name=None, env=None, record=None):
        """record: what the documents say of it beside what they say; None: nothing, which is level full and required."""
        self.name = name or "it%d-%d" % (os.getpid(), next(self.numbers))
        self.dialers = collections.defaultdict(list)
        self.log_read, self.log_text, self.log_decoder = 0, "", codecs.getincrementaldecoder("utf-8")("replace")
        self.env = {**os.environ, "BUILD": BUILD, **(env or {})}
        self.argv = ["up", "--json", "--agents", agents, *args]
        if os.environ.get("LAB_PG_BIN"):
            self.argv += ["--pg-bin", os.environ["LAB_PG_BIN"]]
        if schema:
            self.argv += ["--schema", schema]
        if record:
            self.copies = tempfile.TemporaryDirectory(prefix="pgveil-policies-")
            policies = [recorded(p, record, pathlib.Path(self.copies.name)) for p in policies]
        for p in policies:
            self.argv += ["--policy", p]
        # Parse and Bind of the extended protocol are logged by their duration only.
        for kv in ("log_min_duration_statement=0", *pg_conf):
            self.argv += ["--pg-conf", kv]

    def up(self):
        self.info = json.loads(self.sh(*self.argv).stdout)
        self.state = pathlib.Path(self.info["state_dir"])
        self.host, self.port, self.dbname = self.info["db_host"], self.info["db_port"], self.info["db_name"]
        self.agents = {a["name"]: a for a in self.info["agents"]}
        return self

    def sh(self, verb, *args, check=True, **kw):
        return run([SCRIPT, verb, "--name", self.name, *args], check=check, env=self.env, **kw)

    def down(self):
        """Takes it down and then says what a sanitizer has found in the daemon."""
        findings = ""
        self.hang_up()
        if hasattr(self, "state") and self.state.exists():
            stopped = self.sh("daemon", "stop", check=False)
            findings = "".join(p.read_text() for p in sorted(self.state.glob("log/sanitizer*")))
            if stopped.returncode:
                findings += stopped.stderr.decode()
        self.sh("down")
        assert not findings, findings

    def __enter__(self):
        return self.up()

    def __exit__(self, *_):
        self.down()

    # ---- the database's side ----

    def dba_psql(self, sql, database=None):
        """As superuser, direct. Rows as text, | between columns."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        return run([PSQL, "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database or self.dbname, "-c", sql], check=True,
                   env={**env, "PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": "postgres", "PGPASSWORD": self.superuser()}).stdout.decode().rstrip("\n")

    def superuser(self):
        return (self.state / "superuser.pw").read_text().strip()

    def server_log(self):
        """All of it. What was read before is not read again: it grows to some ten megabytes, and hundreds of tests ask."""
        with open(self.state / "log" / "postgres.log", "rb") as f:
            f.seek(self.log_read)
            new = f.read()
        self.log_read += len(new)
        self.log_text += self.log_decoder.decode(new)
        return self.log_text

    def daemon_log(self):
        return (self.state / "log" / "daemon.log").read_text(errors="replace")

    def password(self):
        """Of pgveil_agent, the role that the engine logs in with."""
        return (self.state / "agent.pw").read_text().strip()

    def set_hba(self, *lines):
        """These lines stand before the lab's own; returns when the server has read them."""
        hba = self.state / "pg" / "pg_hba.conf"
        if not hasattr(self, "own_hba"):
            self.own_hba = hba.read_text()
        hba.write_text("".join(line + "\n" for line in lines) + self.own_hba)
        before = self.dba_psql("SELECT pg_conf_load_time()")
        self.dba_psql("SELECT pg_reload_conf()")
        # A backend has the time from the postmaster that forked it, which reads pg_hba.conf in the same handler.
        for _ in range(200):
            if self.dba_psql("SELECT pg_conf_load_time()") != before:
                return
        raise AssertionError("the server did not reload its configuration")

    # ---- an agent's side ----

    def agent(self, *argv, who="agent1", check=False, **kw):
        return self.sh("agent", "--as", who, "--", *argv, check=check, **kw)

    def agent_psql(self, sql, who="agent1", *options):
        return self.agent("psql", "-XqAt", *options, "-c", sql, who=who)

    def script(self, code, who="agent1", check=True):
        """Python code as an agent, or as pgveil_agent without an engine between for who="direct". Returns what it printed as JSON
        and everything that it printed, as bytes."""
        if who == "direct":
            env = {**os.environ, "PGHOST": self.host, "PGPORT": str(self.port), "PGDATABASE": self.dbname, "PGUSER": "pgveil_agent",
                   "PGPASSWORD": self.password()}
            p = run([PYTHON, "-I", "-c", code], check=check, env=env)
        else:
            p = self.agent(PYTHON, "-I", "-c", code, who=who, check=check)
        return (json.loads(p.stdout) if p.returncode == 0 else None), p.stdout + p.stderr

    def dial(self, who="agent1", netns=None, host=None, port=None, source="", source_port=0):
        """A socket that a process in who's cgroup connected; OSError with its errno. netns: agentN's or unknown's instead of its
        own. who=None: a process outside the guarded cgroups, in the host's namespace unless netns says otherwise."""
        idle = self.dialers[who, netns]
        while True:
            kept = idle.pop() if idle else None
            dialer = kept or Dialer(self.into(who, netns), self.env)
            try:
                return dialer.dial(host or self.host, port or self.port, source, source_port)
            except EOFError:
                dialer.close()
                dialer = None
                if not kept:  # one that was kept may have been killed since
                    raise
            finally:
                if dialer:
                    idle.append(dialer)

    def into(self, who, netns):
        """What starts a command in who's cgroup and in a namespace."""
        if not netns and who is not None:
            return [SCRIPT, "agent", "--name", self.name, "--as", who, "--"]
        argv = ["nsenter", "--net=/run/netns/pgveil-%s-%s" % (self.name, netns), "--"] if netns else []
        argv += ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
        return ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', self.cgroup(who), *argv] if who else argv

    def hang_up(self):
        """Ends the processes that connect, where a test takes their cgroup or namespace away."""
        for kept in self.dialers.values():
            while kept:
                kept.pop().close()

    def cgroup(self, who):
        return self.info["unknown_cgroup"] if who == "unknown" else self.agents[who]["cgroup"]

    def connect(self, who="agent1", **kw):
        """A raw client of an agent, not logged in."""
        return wire.Client(self.dial(who, **kw))

    def login(self, who="agent1", params=None, **kw):
        """A raw client of an agent, ready for queries."""
        c = self.connect(who, **kw)
        c.login("agent", self.dbname, **(params or {}))
        return c

    def direct(self):
        """A raw client without an engine between, as the role that the engine uses."""
        c = wire.Client(socket.create_connection((self.host, self.port), 20))
        c.login("pgveil_agent", self.dbname, password=self.password())
        return c

    def refused(self, who="agent1", **kw):
        """The errno by which a connect fails."""
        try:
            self.dial(who, **kw).close()
        except OSError as e:
            return errno.errorcode.get(e.errno, e.errno)
        return None


marker_numbers = itertools.count(1)


def marker():
    """Something to find in the server's log again."""
    return "m%dx%dx" % (os.getpid(), next(marker_numbers))
