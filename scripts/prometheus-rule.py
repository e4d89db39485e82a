#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes of deploy/prometheus/pgveil.rules.yml the PrometheusRule of deploy/kubernetes/overlays/monitoring: kustomize reads nothing from outside
its folder. `make check` says when that is not made of this.

    scripts/prometheus-rule.py            writes it
    scripts/prometheus-rule.py --check    fails where it is not as it would be written"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
RULES = ROOT / "deploy" / "prometheus" / "pgveil.rules.yml"
OBJECT = ROOT / "deploy" / "kubernetes" / "overlays" / "monitoring" / "prometheusrule.yaml"
HEAD = """# SPDX-License-Identifier: MIT
# Made by scripts/prometheus-rule.py of deploy/prometheus/pgveil.rules.yml: change that.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: pgveild
  namespace: pgveil-system
  labels:
    app.kubernetes.io/name: pgveild
spec:
"""


def made():
    lines = RULES.read_text().splitlines()
    return HEAD + "".join("  %s\n" % line for line in lines[lines.index("groups:"):])


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        if OBJECT.read_text() != made():
            sys.exit("%s is not made of %s: run scripts/prometheus-rule.py" % (OBJECT.relative_to(ROOT), RULES.relative_to(ROOT)))
    elif not sys.argv[1:]:
        OBJECT.write_text(made())
    else:
        sys.exit(__doc__)
