# SPDX-License-Identifier: MIT
"""A CA of the test's own, and certificates by it, by openssl."""

import os
import subprocess


def _openssl(*arguments, stdin=None):
    done = subprocess.run(("openssl", *arguments), input=stdin, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.decode().strip()}")
    return done.stdout


_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """Its certificate is DIRECTORY/ca.crt; NAME.crt and NAME.key are what it signed."""

    def __init__(self, directory, name="stand-in"):
        self.directory, self.file = directory, os.path.join(directory, "ca.crt")
        self._key = os.path.join(directory, "ca.key")
        if not os.path.exists(self.file):
            _openssl("req", "-x509", *_KEY, "-keyout", self._key, "-out", self.file, "-days", "30", "-subj", f"/CN={name} CA",
                     "-addext", "basicConstraints=critical,CA:true", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def sign(self, name, hosts=("127.0.0.1", "localhost"), days=30):
        """(certificate file, key file) for a server of these names and addresses; those that are there, if they are."""
        crt, key, request = (os.path.join(self.directory, f"{name}.{e}") for e in ("crt", "key", "csr"))
        if os.path.exists(crt):
            return crt, key
        _openssl("req", "-new", *_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        alternatives = ",".join(("IP:" if all(c in "0123456789." for c in h) or ":" in h else "DNS:") + h for h in hosts)
        extensions = os.path.join(self.directory, f"{name}.ext")
        with open(extensions, "w") as f:
            f.write(f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:false\n")
        _openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key, "-CAcreateserial", "-days", str(days), "-extfile", extensions, "-out", crt)
        os.unlink(request)
        os.unlink(extensions)
        return crt, key
