# SPDX-License-Identifier: MIT
"""What the kernel holds for connections through the engine, from its own figures."""

import re
import subprocess

# Of /proc/meminfo: everything that has a name. What is left is what nobody counts, as the pages of packets.
NAMED = ("MemFree", "Buffers", "Cached", "SwapCached", "AnonPages", "Slab", "KernelStack", "PageTables", "SecPageTables", "VmallocUsed", "Percpu")


def unnamed():
    """Bytes of the machine's memory that are neither free nor of any user, cache or kernel table: pages of packets are among them."""
    with open("/proc/meminfo") as f:
        kb = {m[1]: int(m[2]) for m in re.finditer(r"^(\w+): +(\d+) kB$", f.read(), re.M)}
    return 1024 * (kb["MemTotal"] - sum(kb.get(k, 0) for k in NAMED))


def sockets(lab, who):
    """→ [{skmem and the figures of TCP_INFO}] of the sockets of a subject's namespace."""
    argv = ["nsenter", "--net=/run/netns/pgveil-%s-%s" % (lab.name, who), "ss", "-atinmOH"]
    out = []
    for line in subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines():
        state, unread, unacked, near, far = line.split()[:5]
        if "skmem" not in line:  # one that is over
            continue
        m = {k: int(v) for k, v in re.findall(r"(?<=[(,])([a-z]+)(\d+)", line[line.index("skmem"):].split(")")[0])}
        m.update({k: int(v) for k, v in re.findall(r"(bytes_\w+):(\d+)", line)})
        out.append({"state": state, "unread": int(unread), "unacked": int(unacked), "near": near, "far": far, **m})
    return out


def port_of(address):
    return address.rpartition(":")[2]


class Sides:
    """The engine's two sockets of the only session of a subject."""

    def __init__(self, lab, who):
        self.lab, self.who = lab, who
        self.between_at_rest = 0
        self.between_at_rest = self.between()

    def look(self):
        every = sockets(self.lab, self.who)
        up = [s for s in every if s["state"] == "ESTAB"]
        listening = {port_of(s["near"]) for s in every if s["state"] == "LISTEN"}
        server, = [s for s in up if port_of(s["far"]) == str(self.lab.port) and port_of(s["near"]) not in listening]
        client, = [s for s in up if port_of(s["near"]) in listening]
        return server, client

    def between(self):
        """Bytes that have come from the server and are in neither of the two TCPs' queues: with the program or the daemon. That TCP counts
        what is on its way twice is possible only while it is; so of a connection that stands still."""
        server, client = self.look()
        return server["bytes_received"] - server["unread"] - client.get("bytes_acked", 0) - client["unacked"] - self.between_at_rest

    def charged(self):
        """Bytes of memory that are charged to the two, and how much may be. What is reserved beyond it (f) is left out: it falls below zero on a
        socket whose pieces a program has passed."""
        both = self.look()
        return sum(s["r"] + s["w"] + s["bl"] for s in both), sum(s["rb"] + s["tb"] for s in both)
