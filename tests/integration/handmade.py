# SPDX-License-Identifier: MIT
"""A TCP client that no TCP socket of the kernel takes part in: what a process can do that may write packets itself. HANDMADE is run in
the process of a Hand (bypass.py), by root; it needs a link without losses, and sends what it has not heard an answer to no second time."""

HANDMADE = r"""
import fcntl, mmap, os, select, struct, threading, time
from socket import *

def checksum(b):
    b += b"\0" * (len(b) % 2)
    n = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    n = (n >> 16) + (n & 0xffff)
    return ~(n + (n >> 16)) & 0xffff

class Frames:
    '''Ethernet by a packet socket, with an address that the kernel does not know to be its own: it would answer with RST.'''
    def __init__(self, ours, theirs):
        self.ours, self.s = ours, socket(AF_PACKET, SOCK_RAW, htons(3))
        self.s.bind(("eth0", 3))
        self.mac = self.s.getsockname()[4]
        self.peer = b"\xff" * 6
        self.arp(1, b"\0" * 6, theirs)
        deadline = time.monotonic() + 5
        while self.peer == b"\xff" * 6:
            if time.monotonic() > deadline:
                raise OSError(110, "")
            self.read()

    def emit(self, frame):
        self.s.send(frame)

    def arp(self, what, mac, ip):
        self.emit(self.peer + self.mac + struct.pack("!HHHBBH", 0x806, 1, 0x800, 6, 4, what) + self.mac + self.ours + mac + ip)

    def read(self):
        '''An IP packet, or None.'''
        if not select.select([self.s], [], [], 0.2)[0]:
            return None
        f = self.s.recv(65536)
        if f[12:14] == b"\x08\x06" and f[38:42] == self.ours:
            self.peer = f[22:28]
            if f[20:22] == b"\0\1":
                self.arp(2, f[22:28], f[28:32])
        return f[14:] if f[12:14] == b"\x08\0" else None

    def write(self, packet):
        self.emit(self.peer + self.mac + b"\x08\0" + packet)

class Xdp(Frames):
    '''The same, sent by AF_XDP.'''
    ring = 64
    def __init__(self, *addresses):
        s = self.xdp = socket(44, SOCK_RAW, 0)
        self.umem = mmap.mmap(-1, self.ring * 4096)
        at = ctypes.addressof(ctypes.c_char.from_buffer(self.umem))
        s.setsockopt(283, 4, struct.pack("QQII", at, self.ring * 4096, 4096, 0))
        for name in 3, 5, 6:
            s.setsockopt(283, name, self.ring)
        self.producer, _, self.descriptors, _ = struct.unpack("4Q", s.getsockopt(283, 1, 128)[32:64])
        self.tx = mmap.mmap(s.fileno(), self.descriptors + self.ring * 16, mmap.MAP_SHARED | mmap.MAP_POPULATE, offset=0x80000000)
        check(libc.bind(s.fileno(), struct.pack("=HHIII", 44, 2, if_nametoindex("eth0"), 0, 0), 16))
        self.sent = 0
        super().__init__(*addresses)

    def emit(self, frame):
        if self.sent == self.ring:  # nobody takes back what was sent: enough for a login and a question
            raise OSError(105, "")
        self.umem[self.sent * 4096:self.sent * 4096 + len(frame)] = frame
        struct.pack_into("QII", self.tx, self.descriptors + self.sent * 16, self.sent * 4096, len(frame), 0)
        self.sent += 1
        struct.pack_into("I", self.tx, self.producer, self.sent)
        check(libc.sendto(self.xdp.fileno(), None, 0, MSG_DONTWAIT, None, 0))

class Tun:
    '''Packets that come out of a device of its own, which its kernel forwards.'''
    def __init__(self, ours, theirs):
        self.fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self.fd, 0x400454ca, struct.pack("16sH22x", b"tun9", 0x1001))
        check(os.system("ip link set tun9 up && ip route add %s dev tun9" % inet_ntoa(ours)) and -1)
        for knob in "ip_forward", "conf/eth0/proxy_arp", "conf/eth0/forwarding", "conf/tun9/forwarding":
            with open("/proc/sys/net/ipv4/" + knob, "w") as f:
                f.write("1")

    def read(self):
        return os.read(self.fd, 65536) if select.select([self.fd], [], [], 0.2)[0] else None

    def write(self, packet):
        os.write(self.fd, packet)

def dial(link, ours, theirs, port):
    '''A socket whose bytes go by handmade TCP.'''
    state = {"seq": 1000, "ack": 0, "over": False}
    lock, answered = threading.Lock(), threading.Event()
    sport = 40000 + os.getpid() % 20000
    near, far = socketpair()

    def put(flags, data=b""):
        with lock:
            tcp = struct.pack("!HHIIBBHHH", sport, port, state["seq"], state["ack"], 0x50, flags, 65535, 0, 0) + data
            tcp = tcp[:16] + struct.pack("!H", checksum(ours + theirs + struct.pack("!HH", 6, len(tcp)) + tcp)) + tcp[18:]
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 7, 0, 64, 6, 0, ours, theirs)
            link.write(ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp)
            state["seq"] += len(data) + (flags & 3 > 0)

    def listen():
        while not state["over"]:
            p = link.read()
            if not p or p[9] != 6 or p[12:20] != theirs + ours or p[20:24] != struct.pack("!HH", port, sport):
                continue
            seq, flags, data = struct.unpack("!I", p[24:28])[0], p[33], p[20 + (p[32] >> 4) * 4:struct.unpack("!H", p[2:4])[0]]
            if flags & 4:
                state["over"] = True
            elif flags & 2:
                state["ack"] = seq + 1
                put(16)
                answered.set()
            elif seq == state["ack"] and (data or flags & 1):
                state["ack"] += len(data) + (flags & 1)
                put(16)
                far.sendall(data)
                state["over"] = flags & 1 > 0
        far.close()

    def speak():
        try:
            while data := far.recv(1000):
                put(24, data)
            put(4)
        except OSError:
            pass
        state["over"] = True

    put(2)
    threading.Thread(target=listen, daemon=True).start()
    if not answered.wait(5):
        raise OSError(110, "")
    threading.Thread(target=speak, daemon=True).start()
    return near
"""
