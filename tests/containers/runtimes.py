# SPDX-License-Identifier: MIT
"""Containers as a node has them: podman with runc, and containerd by the interface that the kubelet speaks to it (CRI). Each keeps
what it has below a directory of its own, uses the lab's bridge, and leaves nothing.

A sandbox is what the kubelet calls so: the pod's network namespace and a container that does nothing. Containers are made in its
pod's cgroup, which the kubelet (here the test) makes. The image is a skeleton: programs are this machine's /usr, read only."""

import contextlib
import errno
import hashlib
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
IMAGE = "localhost/pgveil-pod:1"
USR = ("/usr", "/usr", True)
NOBODY = 65534
LIMITS = ["--ulimit", "nofile=20000:20000", "--ulimit", "nproc=30000:30000"]


class Missing(Exception):
    """This machine has no such runtime."""


class Failed(Exception):
    pass


def run(argv, timeout=120, check=True, **kw):
    p = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, **kw)
    if check and p.returncode:
        raise Failed("%s: exit %d\n%s" % (" ".join(str(a) for a in argv), p.returncode, (p.stdout + p.stderr).decode(errors="replace")[-3000:]))
    return p


def until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise Failed(what)
        time.sleep(0.02)
    return value


def processes_with(argument):
    for line in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if argument.encode() in line.read_bytes().split(b"\0"):
                yield int(line.parent.name)


# ---- the image ----

def build_client(folder):
    out = pathlib.Path(folder) / "pod_client"
    run(["gcc", "-static", "-O1", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-o", out, HERE / "pod_client.c", "-lpthread"])
    return out


def skeleton(client):
    """The one layer: a root directory in which /usr is to be mounted."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        def add(name, kind, mode, data=b"", link=""):
            x = tarfile.TarInfo(name)
            x.type, x.mode, x.linkname, x.size = kind, mode, link, len(data)
            tar.addfile(x, io.BytesIO(data))

        for name, mode in (("tmp", 0o1777), ("usr", 0o755), ("proc", 0o755), ("sys", 0o755), ("dev", 0o755), ("etc", 0o755), ("run", 0o755), ("shared", 0o755)):
            add(name, tarfile.DIRTYPE, mode)
        for name in ("bin", "sbin", "lib", "lib64"):
            add(name, tarfile.SYMTYPE, 0o777, link="usr/" + name)
        add("etc/passwd", tarfile.REGTYPE, 0o644, b"root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/tmp:/bin/sh\n")
        add("etc/group", tarfile.REGTYPE, 0o644, b"root:x:0:\nnogroup:x:65534:\n")
        add("pod_client", tarfile.REGTYPE, 0o755, client.read_bytes())
    return out.getvalue()


def image(folder, client):
    """An archive of the OCI's layout, which both runtimes take."""
    blobs = {}

    def blob(data, **more):
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {**more, "digest": "sha256:" + digest, "size": len(data)}

    layer = blob(skeleton(client), mediaType="application/vnd.oci.image.layer.v1.tar")
    config = blob({"architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/pod_client", "pause"], "Env": ["PATH=/usr/bin:/bin"]},
                   "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}, mediaType="application/vnd.oci.image.config.v1+json")
    manifest = blob({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": [layer]},
                    mediaType="application/vnd.oci.image.manifest.v1+json",
                    annotations={"org.opencontainers.image.ref.name": IMAGE, "io.containerd.image.name": IMAGE}, platform={"architecture": "amd64", "os": "linux"})
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode(),
             **{"blobs/sha256/" + k: v for k, v in blobs.items()}}
    out = pathlib.Path(folder) / "image.tar"
    with tarfile.open(out, "w") as tar:
        for name, data in files.items():
            x = tarfile.TarInfo(name)
            x.size = len(data)
            tar.addfile(x, io.BytesIO(data))
    return out


# ---- the lab's network ----

class Network:
    """Namespaces on a lab's bridge, 10.A.B.100 and on."""

    def __init__(self, lab, first=100):
        facts = dict(line.split("=", 1) for line in (lab.state / "lab.env").read_text().splitlines() if "=" in line)
        self.bridge, self.lab = facts["bridge"], lab
        self.prefix = lab.host.rsplit(".", 1)[0]
        self.free, self.used = list(range(239, first - 1, -1)), {}

    def make(self, count=1):
        """→ names below /run/netns."""
        batch, names = [], []
        for _ in range(count):
            n = self.free.pop()
            name = "pgveil-%s-pod%d" % (self.lab.name, n)
            self.used[name] = n
            names.append(name)
            run(["ip", "netns", "add", name])
            batch.append("link add %sp%d type veth peer name eth0 netns %s" % (self.bridge, n, name))
            batch.append("link set dev %sp%d master %s up" % (self.bridge, n, self.bridge))
        self.batch([], batch)
        for name in names:
            self.batch(["-n", name], ["link set dev lo up", "addr add %s.%d/24 dev eth0" % (self.prefix, self.used[name]), "link set dev eth0 up"])
        return names

    @staticmethod
    def batch(options, lines):
        p = subprocess.run(["ip", *options, "-batch", "-"], input="\n".join(lines).encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        if p.returncode:
            raise Failed(p.stdout.decode(errors="replace"))

    def remove(self, name):
        """The device goes at once: a namespace in which anything holds a socket would keep it, and its address."""
        run(["ip", "link", "del", "%sp%d" % (self.bridge, self.used[name])], check=False)
        run(["ip", "netns", "del", name], check=False)
        self.free.insert(0, self.used.pop(name))

    def close(self):
        for name in list(self.used):
            self.remove(name)


# ---- what both are ----

class Container:
    """One container. Its runtime starts it where the sandbox is."""

    def __init__(self, sandbox, cid):
        self.sandbox, self.id, self.runtime = sandbox, cid, sandbox.runtime

    def exec(self, *argv, check=True, timeout=60):
        return self.runtime.exec(self, [str(a) for a in argv], check, timeout)

    def python(self, code, *args, check=True):
        p = self.exec("/usr/bin/python3", "-I", "-S", "-c", code, *args, check=check)
        return p.stdout.decode()

    def psql(self, lab, sql, check=False):
        """→ what psql prints, or its error."""
        p = self.exec("/usr/lib/postgresql/15/bin/psql", "-XqAtc", sql, "host=%s port=%d user=agent dbname=%s sslmode=disable connect_timeout=30" %
                      (lab.host, lab.port, lab.dbname), check=check)
        return (p.stdout or p.stderr).decode().strip()

    def pid(self):
        return self.runtime.pid(self)

    def stop(self):
        self.runtime.remove([self])
        self.sandbox.containers.remove(self)


class Sandbox:
    def __init__(self, runtime, uid, parent, host_network, options):
        self.runtime, self.uid, self.parent, self.host_network, self.options = runtime, uid, parent, host_network, options
        self.containers, self.attempt = [], 0

    def container(self, argv=("/pod_client", "pause"), **how):
        """how: mounts [(inside, outside, read only)], add and drop capabilities, privileged, root, unconfined, cgroupns."""
        c = self.add(argv, how)
        self.runtime.start(c)
        return c

    def add(self, argv, how):
        c = Container(self, None)
        c.argv, c.how = [str(a) for a in argv], how
        self.containers.append(c)  # so that it is taken away whatever comes of it
        return c

    def once(self, argv, **how):
        """→ what a container printed that runs this and ends."""
        c = self.add(argv, how)
        try:
            return self.runtime.once(c)
        finally:
            c.stop()

    def stop(self):
        self.runtime.remove(self.containers)
        self.containers.clear()
        self.runtime.sandbox_down(self)
        self.runtime.sandboxes.remove(self)


class Runtime:
    def __init__(self, lab, archive):
        self.lab, self.sandboxes, self.made = lab, [], 0
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pgveil-%s-" % self.name, dir="/tmp"))
        try:
            self.open(archive)
        except BaseException:
            self.close()
            raise

    def sandbox(self, uid, parent, host_network=False, **options):
        """parent: the pod's cgroup, below the mount."""
        s = Sandbox(self, uid, parent, host_network, options)
        self.sandboxes.append(s)
        self.sandbox_up(s)
        return s

    def next(self):
        self.made += 1
        return "%s-%d-%d" % (self.name, os.getpid(), self.made)

    def close(self):
        wrong = []
        for s in reversed(list(self.sandboxes)):
            try:
                s.stop()
            except Exception as e:  # the others are to go too
                wrong.append(repr(e))
        self.shut()
        for line in reversed(pathlib.Path("/proc/self/mountinfo").read_text().splitlines()):
            where = line.split()[4]
            if where.startswith(str(self.folder) + "/"):
                run(["umount", "-l", where], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        if wrong:
            raise Failed("; ".join(wrong))


# ---- podman ----

class Podman(Runtime):
    name = "podman"

    def open(self, archive):
        if not shutil.which("podman") or not shutil.which("runc"):
            raise Missing("podman or runc is not installed (scripts/deps.sh)")
        self.network = Network(self.lab)
        self.base = ["podman", "--root", self.folder / "root", "--runroot", self.folder / "run", "--tmpdir", self.folder / "tmp",
                     "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--storage-driver", "overlay", "--runtime", "runc"]
        self("load", "-q", "-i", archive)

    def __call__(self, *argv, **kw):
        return run([*self.base, *argv], **kw)

    def sandbox_up(self, s):
        s.netns = None if s.host_network else self.network.make()[0]
        s.add(["/pod_client", "pause"], {})
        self.start(s.containers[0])

    def sandbox_down(self, s):
        if getattr(s, "netns", None):
            self.network.remove(s.netns)

    def run(self, c, *options):
        s, how, name = c.sandbox, c.how, self.next()
        mounts = ["%s:%s%s" % (o, i, ":ro" if ro else "") for i, o, ro in (USR, *how.get("mounts", ()))]
        args = ["run", *options, "--name", name, *LIMITS, "--network", "host" if s.host_network else "ns:/run/netns/" + s.netns,
                "--cgroup-parent", s.parent, "--cgroupns", how.get("cgroupns", "private"), "--no-hosts", "--systemd=false", "--entrypoint", "",
                *(x for m in mounts for x in ("-v", m)), *("--cap-add=" + c for c in how.get("add", ())), *("--cap-drop=" + c for c in how.get("drop", ()))]
        if how.get("privileged"):
            args.append("--privileged")
        if not how.get("root"):
            args += ["--user", "%d:%d" % (NOBODY, NOBODY)]
        if how.get("unconfined"):
            args += ["--security-opt", "seccomp=unconfined"]
        c.id = name
        return self(*args, IMAGE, *c.argv).stdout.decode()

    def start(self, c):
        self.run(c, "-d", "--log-driver", "none")

    def once(self, c):
        told = self.run(c, "--rm", "--log-driver", "none")
        c.id = None
        return told

    def restart(self, c):
        self("restart", "-t", "0", c.id)

    def remove(self, containers):
        ids = [c.id for c in containers if c.id]
        if ids:
            self("rm", "-f", "-i", "-t", "0", *ids)

    def exec(self, c, argv, check, timeout):
        return self("exec", c.id, *argv, check=check, timeout=timeout)

    def inspect(self, c):
        return json.loads(self("inspect", c.id).stdout)[0]

    def pid(self, c):
        return self.inspect(c)["State"]["Pid"]

    def shut(self):
        if hasattr(self, "network"):
            self.network.close()
        # Whoever watched over a container tells podman of its end, in the background; that one would make our directories again.
        until(lambda: not any(processes_with(str(self.folder / "root"))), "podman goes on below %s" % self.folder)


# ---- containerd ----

CONFIG = """version = 2
root = "{0}/root"
state = "{0}/state"
[grpc]
  address = "{0}/sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{1}"
  disable_tcp_service = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{0}/net.d"
[plugins."io.containerd.internal.v1.opt"]
  path = "{0}/opt"
"""


class Containerd(Runtime):
    name = "containerd"

    def open(self, archive):
        if not shutil.which("containerd") or not pathlib.Path("/usr/lib/cni/bridge").exists():
            raise Missing("containerd or its network plugins are not installed (scripts/deps.sh)")
        try:
            import grpc
        except ImportError as e:
            raise Missing("python3-grpcio is not installed (scripts/deps.sh)") from e
        run(["protoc", "-I", HERE, "--python_out", self.folder, "cri.proto"])
        sys.path.insert(0, str(self.folder))
        try:
            sys.modules.pop("cri_pb2", None)
            import cri_pb2
        finally:
            sys.path.remove(str(self.folder))
        self.pb, self.namespaces = cri_pb2, set()
        net = Network(self.lab)
        (self.folder / "net.d").mkdir()
        (self.folder / "logs").mkdir()
        (self.folder / "net.d" / "10-lab.conflist").write_text(json.dumps({"cniVersion": "0.4.0", "name": "lab", "plugins": [{
            "type": "bridge", "bridge": net.bridge, "isGateway": False, "ipMasq": False,
            "ipam": {"type": "host-local", "dataDir": str(self.folder / "addresses"),
                     "ranges": [[{"subnet": net.prefix + ".0/24", "rangeStart": net.prefix + ".40", "rangeEnd": net.prefix + ".99"}]]}}]}))
        (self.folder / "config.toml").write_text(CONFIG.format(self.folder, IMAGE))
        with open(self.folder / "log", "wb") as log:
            self.daemon = subprocess.Popen(["containerd", "-c", self.folder / "config.toml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
        self.channel = grpc.insecure_channel("unix://%s/sock" % self.folder)
        self.error = grpc.RpcError
        until(self.answers, "containerd does not answer: " + str(self.folder / "log"))
        run(["ctr", "-a", self.folder / "sock", "-n", "k8s.io", "images", "import", archive])

    def answers(self):
        if self.daemon.poll() is not None:
            raise Failed((self.folder / "log").read_text()[-3000:])
        try:
            return self.call("RuntimeService/Version", "VersionRequest", "VersionResponse").runtime_name
        except self.error:
            return None

    def call(self, method, asked, answered, patience=120, **fields):
        pb = self.pb
        return self.channel.unary_unary("/runtime.v1." + method, request_serializer=lambda m: m.SerializeToString(),
                                        response_deserializer=getattr(pb, answered).FromString)(getattr(pb, asked)(**fields), timeout=patience)

    def runtime(self, method, asked, answered="Empty", **kw):
        return self.call("RuntimeService/" + method, asked, answered, **kw)

    def names(self, s):
        return self.pb.NamespaceOption(network=2 if s.host_network else 0, pid=1)

    def sandbox_up(self, s):
        pb, name = self.pb, self.next()
        s.config = pb.PodSandboxConfig(
            metadata=pb.PodSandboxMetadata(name=name, uid=s.uid, namespace="agents"), hostname="" if s.host_network else name,
            log_directory=str(self.folder / "logs"), labels={"io.kubernetes.pod.uid": s.uid},
            linux=pb.LinuxPodSandboxConfig(cgroup_parent=s.parent, security_context=pb.LinuxSandboxSecurityContext(
                namespace_options=self.names(s), privileged=bool(s.options.get("privileged")))))
        s.id = self.runtime("RunPodSandbox", "RunPodSandboxRequest", "RunPodSandboxResponse", config=s.config).pod_sandbox_id
        status = self.runtime("PodSandboxStatus", "PodSandboxStatusRequest", "PodSandboxStatusResponse", pod_sandbox_id=s.id, verbose=True)
        self.namespaces |= {pathlib.Path(n["path"]).name for n in json.loads(status.info["info"])["runtimeSpec"]["linux"]["namespaces"]
                            if n["type"] == "network" and "path" in n and not s.host_network}

    def sandbox_down(self, s):
        if getattr(s, "id", None):
            self.runtime("StopPodSandbox", "PodSandboxRequest", pod_sandbox_id=s.id)
            self.runtime("RemovePodSandbox", "PodSandboxRequest", pod_sandbox_id=s.id)

    def start(self, c):
        pb, s, how, name = self.pb, c.sandbox, c.how, self.next()
        c.log = self.folder / "logs" / (name + ".log")
        security = pb.LinuxContainerSecurityContext(
            namespace_options=self.names(s), privileged=bool(how.get("privileged")),
            capabilities=pb.Capability(add_capabilities=how.get("add", ()), drop_capabilities=how.get("drop", ())),
            run_as_user=pb.Int64Value(value=0 if how.get("root") else NOBODY),
            seccomp=pb.SecurityProfile(profile_type=1) if how.get("unconfined") else None)
        config = pb.ContainerConfig(
            metadata=pb.ContainerMetadata(name=name), image=pb.ImageSpec(image=IMAGE), command=c.argv, log_path=name + ".log",
            mounts=[pb.Mount(container_path=i, host_path=str(o), readonly=ro) for i, o, ro in (USR, *how.get("mounts", ()))],
            linux=pb.LinuxContainerConfig(security_context=security))
        c.id = self.runtime("CreateContainer", "CreateContainerRequest", "CreateContainerResponse", pod_sandbox_id=s.id, config=config,
                            sandbox_config=s.config).container_id
        self.runtime("StartContainer", "ContainerRequest", container_id=c.id)

    def restart(self, c):
        """As the kubelet does: another container in the same sandbox."""
        self.remove([c])
        self.start(c)

    def once(self, c):
        self.start(c)
        until(lambda: self.status(c).status.state == 2, "the container goes on")
        # Lines are "TIME stdout F TEXT".
        return "".join(line.split(" ", 3)[3] + "\n" for line in c.log.read_text().splitlines() if line.split(" ", 2)[1] == "stdout")

    def remove(self, containers):
        for c in containers:
            if c.id:
                self.runtime("StopContainer", "StopContainerRequest", container_id=c.id, timeout=0)
                self.runtime("RemoveContainer", "ContainerRequest", container_id=c.id)

    def exec(self, c, argv, check, timeout):
        r = self.runtime("ExecSync", "ExecSyncRequest", "ExecSyncResponse", patience=timeout + 10, container_id=c.id, cmd=argv,
                         timeout=timeout)
        if check and r.exit_code:
            raise Failed("%s: exit %d\n%s" % (argv, r.exit_code, (r.stdout + r.stderr).decode(errors="replace")))
        return subprocess.CompletedProcess(argv, r.exit_code, r.stdout, r.stderr)

    def status(self, c):
        return self.runtime("ContainerStatus", "ContainerStatusRequest", "ContainerStatusResponse", container_id=c.id, verbose=True)

    def pid(self, c):
        return json.loads(self.status(c).info["info"])["pid"]

    def shut(self):
        if hasattr(self, "channel"):
            self.channel.close()
        if hasattr(self, "daemon"):
            self.daemon.terminate()
            try:
                self.daemon.wait(30)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait(30)
            for name in self.namespaces:
                if os.path.exists("/run/netns/" + name):
                    run(["ip", "netns", "del", name], check=False)
            # One shim a sandbox; where its sandbox was not taken down it goes on.
            for pid in processes_with(str(self.folder / "sock")):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)


# ---- cgroups ----

def cgroup_mounts():
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        if right.split()[0] in ("cgroup", "cgroup2"):
            yield pathlib.Path(left.split()[4])


def remove_below(name):
    """What the runtimes made of a lab's cgroups in every hierarchy, the innermost first, and who is in there yet. A directory stays busy
    for a moment after its last process."""
    for mount in cgroup_mounts():
        for root in (mount / name).glob("kubepods*"):
            with contextlib.suppress(OSError):  # of v1 there is none
                (root / "cgroup.kill").write_text("1")
    for mount in cgroup_mounts():
        for root in (mount / name).glob("kubepods*"):
            for folder, _, _ in sorted(os.walk(root), key=lambda x: -len(x[0])):
                until(lambda: removed(folder), folder + " is busy", 20)
        if mount.name != "unified":
            removed(mount / name)


def removed(folder):
    try:
        os.rmdir(folder)
    except OSError as e:
        return e.errno not in (errno.EBUSY, errno.ENOTEMPTY)
    return True
