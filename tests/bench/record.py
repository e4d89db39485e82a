# SPDX-License-Identifier: MIT
"""What recording costs: pgbench -S and a million rows through one daemon whose policy says full for one agent, statements and metadata for
others, the runs interleaved. Prints throughput as a share of metadata's, and the daemon's processor time.

    sudo python3 -B tests/bench/record.py --rounds 5"""

import argparse
import pathlib
import re
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from lab import Lab, run  # noqa: E402

LEVELS = ("metadata", "statements", "full")
DOCUMENT = """---
apiVersion: pgveil.dev/v1
kind: MaskingPolicy
metadata: {name: %s}
spec:
  subjects: [{cgroup: "${%s}"}]
  databases:
    - name: bench
      address: ${LAB_DB_HOST}:${LAB_DB_PORT}
      credential: {user: pgveil_agent, passwordFile: "${LAB_CREDENTIAL_FILE}"}
      tls: {mode: disable}
  record: {level: %s}
  mask:
    - columns: [public.pgbench_accounts.abalance, public.person.ssn]
      with: redact
"""
SCHEMA = """CREATE TABLE public.person AS SELECT i AS id, 'name ' || i AS name, md5(i::text) AS ssn, i % 97 AS age, md5((-i)::text) AS note,
    now() - i * interval '1 minute' AS seen, i * 1.5 AS weight, 'city ' || i % 500 AS city, i % 2 = 0 AS active, i AS code
    FROM generate_series(1, {rows}) i;
"""


def cpu(pid):
    fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def pgbench(lab, who, mode, clients, seconds):
    out = lab.agent("pgbench", "-n", "-S", "-M", mode, "-c", clients, "-j", 1, "-T", seconds, who=who, check=True).stdout.decode()
    return float(re.search(r"tps = ([\d.]+)", out).group(1)), int(re.search(r"actually processed: (\d+)", out).group(1))


def rows(lab, who, n):
    begin = time.monotonic()
    lab.agent("sh", "-c", 'psql -XqAt -v FETCH_COUNT=0 -c "COPY public.person TO STDOUT" > /dev/null', who=who, check=True)
    return n / (time.monotonic() - begin), n


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=int, default=2)
    p.add_argument("--rows", type=int, default=1000000)
    args = p.parse_args()
    with tempfile.TemporaryDirectory(prefix="pgveil-bench-") as d:
        d = pathlib.Path(d)
        d.chmod(0o755)
        (d / "schema.sql").write_text(SCHEMA.format(rows=args.rows))
        (d / "policy.yaml").write_text("".join(DOCUMENT % (level, "LAB_CGROUP" + ("_%d" % (i + 1) if i else ""), level)
                                               for i, level in enumerate(LEVELS)))
        with Lab(schema=d / "schema.sql", policies=[d / "policy.yaml"], agents=len(LEVELS), env={"BUILD": "release"}) as lab:
            run(["pgbench", "-i", "-q", "-s", 10, lab.info["superuser_dsn"]], check=True, timeout=600)
            lab.dba_psql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC")
            pid = int(lab.info["daemon_pid"])
            work = [("pgbench -S, simple, 1 client", lambda who: pgbench(lab, who, "simple", 1, args.seconds)),
                    ("pgbench -S, simple, 8 clients", lambda who: pgbench(lab, who, "simple", 8, args.seconds)),
                    ("pgbench -S, prepared, 8 clients", lambda who: pgbench(lab, who, "prepared", 8, args.seconds)),
                    ("%d rows" % args.rows, lambda who: rows(lab, who, args.rows))]
            for name, what in work:
                rates = {level: [] for level in LEVELS}
                spent = {level: [] for level in LEVELS}
                for _ in range(args.rounds):
                    for i, level in enumerate(LEVELS):
                        before = cpu(pid)
                        rate, n = what("agent%d" % (i + 1))
                        rates[level].append(rate)
                        spent[level].append((cpu(pid) - before) / n * 1e6)
                base = statistics.median(rates["metadata"])
                for level in LEVELS:
                    print("%-32s %-10s %12.0f/s %6.3f of metadata %8.2f us of the daemon each" % (
                        name, level, statistics.median(rates[level]), statistics.median(rates[level]) / base, statistics.median(spent[level])),
                        flush=True)


if __name__ == "__main__":
    main()
