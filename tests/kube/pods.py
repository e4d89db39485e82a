# SPDX-License-Identifier: MIT
"""A pod's spec, run by podman: each container with exactly the mounts, capabilities, namespaces and arguments that the manifest says, in a cgroup
below the kubepods of a test as the kubelet would place it. What a kubelet does beside that, by hand: the service account's files, and the
cgroup namespace that containerd gives to a container that is not privileged."""

import os
import pathlib
import re
import subprocess
import uuid

import manifests

SCRIPT = manifests.ROOT / "scripts" / "podman.sh"
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def podman(*args, check=True, timeout=120, **kw):
    p = subprocess.run([str(a) for a in (SCRIPT, *args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=timeout, **kw)
    assert not check or p.returncode == 0, "%s: %s%s" % (args, p.stdout.decode(), p.stderr.decode())
    return p


def root_of(build, folder):
    """A root for the programs of a build, made as the image's is: deploy/kubernetes/closure.sh."""
    out = folder / "root"
    programs = [build / "pgveild", build / "pgveil", pathlib.Path("/usr/sbin/bpftool")]
    subprocess.run(["sh", manifests.DEPLOY / "closure.sh", out, *programs], check=True, stdout=subprocess.DEVNULL)
    for p in programs[:2]:
        subprocess.run(["install", "-m", "755", p, out / "usr" / ("sbin" if p.name == "pgveild" else "bin")], check=True)
    return out


class Node:
    """What podman needs to know beside the spec."""

    def __init__(self, image, kubepods, host_paths, sources, environment, service_account):
        """image: podman's, or the path of a root. kubepods: below the cgroup mounts. host_paths: what stands for a path of the node;
        sources: for a ConfigMap or a Secret of that name, a folder; service_account: a folder."""
        self.image, self.kubepods, self.host_paths, self.sources = image, kubepods, host_paths, sources
        self.environment, self.service_account = environment, service_account

    def mounts(self, pod, container):
        volumes = {v["name"]: v for v in pod["volumes"]} if "volumes" in pod else {}
        for m in container.get("volumeMounts", []):
            v = volumes[m["name"]]
            source = self.host_paths[v["hostPath"]["path"]] if "hostPath" in v else \
                self.sources[v["configMap"]["name"] if "configMap" in v else v["secret"]["secretName"]]
            yield "%s:%s:%s" % (source, m["mountPath"], "ro" if m.get("readOnly") else "rw")
        if pod.get("automountServiceAccountToken", True):
            yield "%s:%s:ro" % (self.service_account, SERVICE_ACCOUNT)

    def security(self, pod, container):
        """Of the two levels, the container's counts."""
        s = {**pod.get("securityContext", {}), **container.get("securityContext", {})}
        if s.pop("privileged", False):
            yield from ("--privileged", "--cgroupns=host")
        else:
            yield from ("--cgroupns=private", "--cap-drop=ALL")
            caps = s.pop("capabilities", {})
            assert caps.pop("drop", ["ALL"]) == ["ALL"]
            yield from ("--cap-add=" + c for c in caps.pop("add", []))
            assert not caps
        if s.pop("allowPrivilegeEscalation", True) is False:
            yield "--security-opt=no-new-privileges"
        assert s.pop("seccompProfile", {"type": "RuntimeDefault"}) == {"type": "RuntimeDefault"}
        if s.pop("readOnlyRootFilesystem", False):
            yield from ("--read-only", "--read-only-tmpfs=false")
        yield "--user=%d:%d" % (s.pop("runAsUser", 0), s.pop("runAsGroup", 0))
        s.pop("runAsNonRoot", None)
        assert not s, s

    def arguments(self, pod, container, uid, netns=None):
        env = dict(self.environment)
        for e in container.get("env", []):
            env[e["name"]] = e["value"] if "value" in e else env[e["name"]]
        yield from ("--ulimit=nofile=20000:20000", "--ulimit=nproc=30000:30000", "--pids-limit=0")
        yield "--cgroup-parent=/%s/burstable/pod%s" % (self.kubepods, uid)
        yield from (["--pid=host"] if pod.get("hostPID") else [])
        yield "--network=" + ("host" if pod.get("hostNetwork") else "ns:" + netns if netns else "none")
        yield from self.security(pod, container)
        for m in self.mounts(pod, container):
            yield from ("-v", m)
        for k, v in env.items():
            yield "--env=%s=%s" % (k, v)
        command = container.get("command") or ["pgveild"]
        args = [re.sub(r"\$\((\w+)\)", lambda m: env[m[1]], a) for a in command[1:] + container.get("args", [])]
        if isinstance(self.image, os.PathLike):
            yield from ("--entrypoint", command[0], "--rootfs", str(self.image))
        else:
            yield from ("--entrypoint", command[0], self.image)
        yield from args


class Container:
    """One of a pod's, which goes on; run_to_end for one that ends."""

    def __init__(self, node, pod, name, uid, kind="containers", netns=None, change=None):
        self.node, self.uid, self.name = node, uid, "pgveil-test-%s" % uuid.uuid4().hex[:8]
        self.container = next(c for c in pod[kind] if c["name"] == name)
        if change:
            change(self.container)
        self.argv = list(node.arguments(pod, self.container, uid, netns))

    def start(self):
        podman("run", "--detach", "--name", self.name, *self.argv)
        return self

    def run_to_end(self, timeout=120):
        p = podman("run", "--rm", "--name", self.name, *self.argv, check=False, timeout=timeout)
        return p.returncode, p.stdout.decode() + p.stderr.decode()

    def inspect(self, what):
        return podman("inspect", "--format", "{{%s}}" % what, self.name).stdout.decode().strip()

    @property
    def pid(self):
        return int(self.inspect(".State.Pid"))

    def running(self):
        return self.inspect(".State.Running") == "true"

    def exec(self, *argv):
        p = podman("exec", self.name, *argv, check=False)
        return p.returncode, p.stdout.decode(), p.stderr.decode()

    def log(self):
        p = podman("logs", self.name, check=False)
        return (p.stdout + p.stderr).decode(errors="replace")

    def stop(self, signal="TERM", seconds=60):
        """→ its exit status."""
        podman("kill", "--signal", signal, self.name)
        podman("wait", self.name, timeout=seconds)
        return int(self.inspect(".State.ExitCode"))

    def remove(self):
        podman("rm", "--force", "--time", "0", "--ignore", self.name, check=False)
