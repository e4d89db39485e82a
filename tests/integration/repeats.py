# SPDX-License-Identifier: MIT
"""Runs in a database server's network namespace, as root, and says what the server will say before it says it: for every line of its input, bytes
in hex, they go out as the next bytes of the server's connection to an engine that spoke last. What the server then says itself comes twice at its
front, as from a sender that cuts what it repeats anew.

    repeats.py PORT NOT_TO"""

import socket
import struct
import sys

SO_RCVBUFFORCE, ETH_P_IP, ETH_P_ALL = 33, 0x0800, 3
port, not_to = int(sys.argv[1]), socket.inet_aton(sys.argv[2])
spoke = {}  # connection → what comes next of the server, and what it has of the other; the last one spoke last


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data[:len(data) & ~1])) + (data[-1] << 8 if len(data) & 1 else 0)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def watch(s):
    """What was sent until now."""
    while True:
        try:
            p, where = s.recvfrom(128)
        except BlockingIOError:
            return
        if where[1] != ETH_P_IP or p[23] != socket.IPPROTO_TCP:
            continue
        size = (p[14] & 15) * 4
        ip, tcp = p[14:14 + size], p[14 + size:]
        source, target, seq, ack = struct.unpack_from("!HHII", tcp)
        n = struct.unpack_from("!H", ip, 2)[0] - size - (tcp[12] >> 4) * 4
        if source == port and n > 0 and ip[16:20] != not_to:
            key, end = (ip[12:16], ip[16:20], target), (seq + n) & 0xffffffff
            was = spoke.pop(key, (end,))[0]
            spoke[key] = end if (end - was) & 0xffffffff < 1 << 31 else was, ack


def say(raw, data):
    (source, target, to), (seq, ack) = list(spoke.items())[-1]
    tcp = struct.pack("!HHIIBBHHH", port, to, seq, ack, 5 << 4, 0x18, 512, 0, 0)
    both = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp) + len(data)) + tcp + data
    tcp = tcp[:16] + struct.pack("!H", checksum(both)) + tcp[18:]
    raw.sendto(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp) + len(data), 1, 0, 64, socket.IPPROTO_TCP, 0, source, target) + tcp + data,
               (socket.inet_ntoa(target), 0))


def main():
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 28)
    s.setblocking(False)
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    print("ready", flush=True)
    for line in sys.stdin:
        watch(s)
        say(raw, bytes.fromhex(line))
        print("said", flush=True)


if __name__ == "__main__":
    main()
