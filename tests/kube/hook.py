# SPDX-License-Identifier: MIT
"""An admission webhook of the test's own, for both servers."""

import base64
import http.server
import json
import ssl
import threading

from kubeapi.certs import Authority


class Hook:
    """What it is asked is in .asked, what it answers is .answer(request); None: nothing, for as long as .silent is not set."""

    def __init__(self, directory):
        self.asked, self.silent, hook = [], threading.Event(), self
        authority = Authority(str(directory), "webhook")
        with open(authority.file, "rb") as f:
            self.bundle = base64.b64encode(f.read()).decode()
        self.answer = lambda request: {"allowed": True}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.asked.append(review["request"])
                answer = hook.answer(review["request"])
                if answer is None:
                    hook.silent.wait(60)
                    self.close_connection = True
                    return
                data = json.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": {"uid": review["request"]["uid"], **answer}}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.sign("hook"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}/review"

    def configuration(self, kind="Validating", **more):
        return {"kind": f"{kind}WebhookConfiguration", "apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": f"{kind.lower()}.example.dev"}, "webhooks": [{
            "name": "widgets.hook.example.dev", "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 2,
            "clientConfig": {"url": self.url, "caBundle": self.bundle},
            "rules": [{"apiGroups": ["example.dev"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["widgets", "widgets/status"]}], **more}]}

    def stop(self):
        self.silent.set()
        self.server.shutdown()
        self.server.server_close()
