# SPDX-License-Identifier: MIT
"""The resources that are built in, and what the server makes of their objects: defaults, what may change, what is invalid."""

import json
import os
import re

from . import status
from .schema import Schemas

with open(os.path.join(os.path.dirname(__file__), "builtin.json")) as f:
    BUILTIN = json.load(f)
SCHEMAS = Schemas(BUILTIN["definitions"])
ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


class Resource:
    """One resource in one version of its group, built in or by a CustomResourceDefinition."""

    def __init__(self, group, version, plural, kind, namespaced=True, short=(), has_status=False, singular="", categories=(), fields=(),
                 verbs=ALL_VERBS, subresources=(), store=None, list_kind=""):
        self.group, self.version, self.plural, self.kind, self.namespaced = group, version, plural, kind, namespaced
        self.singular, self.short, self.categories, self.has_status = singular or kind.lower(), tuple(short), tuple(categories), has_status
        self.verbs, self.subresources, self.list_kind = verbs, tuple(subresources), list_kind or kind + "List"
        self.fields = {"metadata.name", "metadata.namespace", *fields} if namespaced else {"metadata.name", *fields}
        self.key = store or (group, plural)  # where its objects are: events of both groups are the same
        self.schemas, self.schema = SCHEMAS, {"$ref": BUILTIN["kinds"].get(f"{self.api_version}, {kind}")}
        self.custom = None  # the version of a CustomResourceDefinition that it is
        self.hub = ""  # the version that objects are stored in

    @property
    def api_version(self):
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self):
        return self.group, self.plural


_POD_FIELDS = ("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase", "status.podIP",
               "status.nominatedNodeName")
_EVENT_FIELDS = tuple("involvedObject." + f for f in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")) + (
    "reason", "reportingComponent", "source", "type")
_REVIEW = ("create",)
RBAC = "rbac.authorization.k8s.io"


def builtin():
    R = Resource
    adm, crd = "admissionregistration.k8s.io", "apiextensions.k8s.io"
    return [
        R("", "v1", "pods", "Pod", short=["po"], has_status=True, categories=["all"], fields=_POD_FIELDS, subresources=["binding"]),
        R("", "v1", "namespaces", "Namespace", False, ["ns"], True, fields=["status.phase"], subresources=["finalize"],
          verbs=tuple(v for v in ALL_VERBS if v != "deletecollection")),
        R("", "v1", "events", "Event", short=["ev"], fields=_EVENT_FIELDS),
        R("", "v1", "serviceaccounts", "ServiceAccount", short=["sa"], subresources=["token"]),
        R("", "v1", "nodes", "Node", False, ["no"], True, fields=["spec.unschedulable"]),
        R("", "v1", "configmaps", "ConfigMap", short=["cm"]),
        R("", "v1", "secrets", "Secret", fields=["type"]),
        R("", "v1", "services", "Service", short=["svc"], has_status=True, categories=["all"]),
        R("", "v1", "endpoints", "Endpoints", short=["ep"]),
        R("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", short=["pvc"], has_status=True),
        R("", "v1", "resourcequotas", "ResourceQuota", short=["quota"], has_status=True),
        R("", "v1", "limitranges", "LimitRange", short=["limits"]),
        R("apps", "v1", "daemonsets", "DaemonSet", short=["ds"], has_status=True, categories=["all"]),
        R("apps", "v1", "deployments", "Deployment", short=["deploy"], has_status=True, categories=["all"]),
        R("apps", "v1", "replicasets", "ReplicaSet", short=["rs"], has_status=True, categories=["all"]),
        R("apps", "v1", "statefulsets", "StatefulSet", short=["sts"], has_status=True, categories=["all"]),
        R("batch", "v1", "jobs", "Job", has_status=True, categories=["all"]),
        R("policy", "v1beta1", "poddisruptionbudgets", "PodDisruptionBudget", short=["pdb"], has_status=True),
        R("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short=["netpol"]),
        R("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", False, ["pc"]),
        R("coordination.k8s.io", "v1", "leases", "Lease"),
        R("events.k8s.io", "v1", "events", "Event", short=["ev"], fields=("reason", "type", *(f.replace("involvedObject", "regarding") for f in _EVENT_FIELDS)),
          store=("", "events")),
        R(RBAC, "v1", "roles", "Role"),
        R(RBAC, "v1", "clusterroles", "ClusterRole", False),
        R(RBAC, "v1", "rolebindings", "RoleBinding"),
        R(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", False),
        R(crd, "v1", "customresourcedefinitions", "CustomResourceDefinition", False, ["crd", "crds"], True, categories=["api-extensions"]),
        R(adm, "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", False, categories=["api-extensions"]),
        R(adm, "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", False, categories=["api-extensions"]),
        R("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", False, verbs=_REVIEW),
        R("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", False, verbs=_REVIEW),
        R("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", False, verbs=_REVIEW),
    ]


# ---- events: one object in the words of two groups -----------------------------------------------------------------------------

_EVENT_WORDS = (("involvedObject", "regarding"), ("message", "note"), ("source", "deprecatedSource"), ("firstTimestamp", "deprecatedFirstTimestamp"),
                ("lastTimestamp", "deprecatedLastTimestamp"), ("count", "deprecatedCount"), ("reportingComponent", "reportingController"))


def _renamed(obj, words, api_version):
    out = {words.get(k, k): v for k, v in obj.items()}
    out["apiVersion"] = api_version
    return out


def to_store(resource, obj):
    if resource.key == ("", "events") and resource.group:
        return _renamed(obj, {new: old for old, new in _EVENT_WORDS}, "v1")
    return obj


def from_store(resource, obj):
    if resource.key == ("", "events") and resource.group:
        out = _renamed(obj, dict(_EVENT_WORDS), resource.api_version)
        return {k: v for k, v in out.items() if v != ""}
    if resource.custom and obj.get("apiVersion") != resource.api_version:
        return {**obj, "apiVersion": resource.api_version}
    return obj


# ---- pods ------------------------------------------------------------------------------------------------------------------------

def _container(c, host_network):
    c.setdefault("resources", {})
    c.setdefault("terminationMessagePath", "/dev/termination-log")
    c.setdefault("terminationMessagePolicy", "File")
    tag = re.search(r":([^/@]+)$", c.get("image", ""))
    c.setdefault("imagePullPolicy", "Always" if "@" not in c.get("image", "") and (not tag or tag[1] == "latest") else "IfNotPresent")
    for port in c.get("ports", []):
        port.setdefault("protocol", "TCP")
        if host_network:
            port.setdefault("hostPort", port.get("containerPort"))
    for env in c.get("env", []):
        if "fieldRef" in env.get("valueFrom", {}):
            env["valueFrom"]["fieldRef"].setdefault("apiVersion", "v1")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe in c:
            for key, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
                c[probe].setdefault(key, value)
            if "httpGet" in c[probe]:
                c[probe]["httpGet"].setdefault("scheme", "HTTP")
    limits = c["resources"].get("limits")
    if limits:
        c["resources"]["requests"] = {**limits, **c["resources"].get("requests", {})}


_MODE = {"secret": "defaultMode", "configMap": "defaultMode", "downwardAPI": "defaultMode", "projected": "defaultMode"}


def pod_spec(spec):
    """What the server writes into a pod's spec, or a template's."""
    for c in spec.get("initContainers", []) + spec.get("containers", []):
        _container(c, spec.get("hostNetwork"))
    for volume in spec.get("volumes", []):
        if len(volume) == 1:
            volume["emptyDir"] = {}
        for kind, mode in _MODE.items():
            if kind in volume:
                volume[kind].setdefault(mode, 420)
        if "hostPath" in volume:
            volume["hostPath"].setdefault("type", "")
    for key, value in (("restartPolicy", "Always"), ("terminationGracePeriodSeconds", 30), ("dnsPolicy", "ClusterFirst"), ("securityContext", {}),
                       ("schedulerName", "default-scheduler")):
        spec.setdefault(key, value)
    if spec.get("serviceAccountName"):
        spec["serviceAccount"] = spec["serviceAccountName"]


def qos_class(spec):
    resources = [c.get("resources", {}) for c in spec.get("initContainers", []) + spec.get("containers", [])]
    if not any(r.get("requests") or r.get("limits") for r in resources):
        return "BestEffort"
    full = all({"cpu", "memory"} <= set(r.get("limits", {})) and all(r.get("requests", {}).get(k) == v for k, v in r["limits"].items()) for r in resources)
    return "Guaranteed" if full else "Burstable"


def default_pod(pod):
    pod_spec(pod["spec"])
    pod["spec"].setdefault("enableServiceLinks", True)


def admit_pod(pod, service_accounts):
    """What is no default of the kind: plugins write it, and it counts as nobody's field."""
    spec = pod["spec"]
    if service_accounts:
        spec["serviceAccountName"] = spec["serviceAccount"] = spec.get("serviceAccountName") or "default"
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerated = {t.get("key") for t in spec.get("tolerations", []) if t.get("effect", "NoExecute") == "NoExecute"}
    if None not in tolerated:
        for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
            if key not in tolerated:
                spec.setdefault("tolerations", []).append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    pod["status"] = {"phase": "Pending", "qosClass": qos_class(spec)}


_EVENT_ZEROES = {"source": {}, "firstTimestamp": None, "lastTimestamp": None, "eventTime": None, "reportingComponent": "", "reportingInstance": ""}


def stored(resource, obj):
    """As it is stored: with what the server writes though nobody set it, and nobody owns."""
    return {**obj, **{k: v for k, v in _EVENT_ZEROES.items() if k not in obj}} if resource.key == ("", "events") else obj


def complete(resource, obj):
    """What follows from what somebody set. Changes what it is given."""
    if resource.kind == "Pod":
        status_ = obj.get("status") or {}
        if status_.get("podIP") and not status_.get("podIPs"):
            status_["podIPs"] = [{"ip": status_["podIP"]}]
        for condition in status_.get("conditions") or ():
            condition.setdefault("lastProbeTime", None)
            condition.setdefault("lastTransitionTime", None)


def check_pod_update(before, after):
    if before is None:
        return []
    old, new = before["spec"], after["spec"]

    def fixed(spec):
        spec = {**spec, "containers": [{**c, "image": ""} for c in spec.get("containers", [])],
                "initContainers": [{**c, "image": ""} for c in spec.get("initContainers", [])]}
        spec.pop("activeDeadlineSeconds", None)
        spec.pop("tolerations", None)
        return spec
    if fixed(old) == fixed(new) and all(t in new.get("tolerations", []) for t in old.get("tolerations", [])):
        return []
    return [status.forbidden_field("spec", "pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, "
                                   "`spec.activeDeadlineSeconds` or `spec.tolerations` (only additions to existing tolerations)")]


# ---- what is done to an object of each resource ----------------------------------------------------------------------------------

def _default_template(obj):
    template = obj.get("spec", {}).get("template")
    if isinstance(template, dict):
        template.setdefault("metadata", {}).setdefault("creationTimestamp", None)
        pod_spec(template.setdefault("spec", {}))


def defaults(resource, obj):
    """A new object as the server completes it. Changes what it is given."""
    kind = resource.kind
    if kind == "Pod":
        default_pod(obj)
    elif kind == "Namespace":
        obj.setdefault("spec", {})["finalizers"] = ["kubernetes"]
        obj["status"] = {"phase": "Active"}
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    elif kind == "Secret":
        for key, value in obj.pop("stringData", {}).items():
            import base64
            obj.setdefault("data", {})[key] = base64.b64encode(value.encode()).decode()
        obj.setdefault("type", "Opaque")
    elif kind in ("RoleBinding", "ClusterRoleBinding"):
        for subject in obj.get("subjects", []):
            if subject.get("kind") in ("User", "Group"):
                subject.setdefault("apiGroup", RBAC)
    elif kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        for hook in obj.get("webhooks", []):
            for key, value in (("failurePolicy", "Fail"), ("matchPolicy", "Equivalent"), ("namespaceSelector", {}), ("objectSelector", {}), ("timeoutSeconds", 10)):
                hook.setdefault(key, value)
            for rule in hook.get("rules", []):
                rule.setdefault("scope", "*")
            if "service" in hook.get("clientConfig", {}):
                hook["clientConfig"]["service"].setdefault("port", 443)
    elif kind == "Node":
        obj.setdefault("spec", {})
    elif resource.group in ("apps", "batch"):
        _default_template(obj)
        obj.setdefault("status", {})


def _check_event(resource, obj):
    """Events are asked for more than their schema says, and by the new group for more than by the old one."""
    where, inner = obj["metadata"].get("namespace", ""), obj.get("involvedObject", {}).get("namespace", "")
    out = []
    if (inner or "default") != where:
        out.append(status.invalid_value("involvedObject.namespace", inner, "does not match event.namespace"))
    if resource.group or obj.get("eventTime"):
        if not obj.get("eventTime"):
            out.append(status.required("eventTime"))
        for field, limit in (("reportingComponent", 0), ("reportingInstance", 128), ("action", 128), ("reason", 128)):
            shown = "reportingController" if field == "reportingComponent" else field
            if not obj.get(field):
                out.append(status.required(shown))
            elif limit and len(obj[field]) > limit:
                out.append(status.invalid_value(shown, "", f"can have at most {limit} characters"))
        if len(obj.get("message", "")) > 1024:
            out.append(status.invalid_value("message", "", "can have at most 1024 characters"))
        if obj.get("type") not in ("Normal", "Warning"):
            out.append(status.invalid_value("", "", f"has invalid value: {obj.get('type', '')}"))
    return out


_WEBHOOK_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?){2,}")


def _check_webhooks(obj):
    out = []
    for i, hook in enumerate(obj.get("webhooks", [])):
        at = f"webhooks[{i}]"
        if not _WEBHOOK_NAME.fullmatch(hook.get("name", "")):
            out.append(status.invalid_value(f"{at}.name", hook.get("name", ""), "should be a domain with at least three segments separated by dots"))
        if "v1" not in hook.get("admissionReviewVersions", []):
            out.append(status.invalid_value(f"{at}.admissionReviewVersions", hook.get("admissionReviewVersions"), "must include at least one of v1, v1beta1"))
        if hook.get("sideEffects") not in ("None", "NoneOnDryRun"):
            out.append(status.not_supported(f"{at}.sideEffects", hook.get("sideEffects", ""), ["None", "NoneOnDryRun"]))
        if not 1 <= hook.get("timeoutSeconds", 10) <= 30:
            out.append(status.invalid_value(f"{at}.timeoutSeconds", hook["timeoutSeconds"], "the timeout value must be between 1 and 30 seconds"))
        config = hook.get("clientConfig", {})
        if ("url" in config) == ("service" in config):
            out.append(status.required(f"{at}.clientConfig", "exactly one of url or service is required"))
        if "url" in config and not config["url"].startswith("https://"):
            out.append(status.invalid_value(f"{at}.clientConfig.url", config["url"].split(":")[0], "'https' is the only allowed URL scheme"))
        if hook.get("matchConditions"):
            out.append(status.forbidden_field(f"{at}.matchConditions", "are not evaluated here"))
    return out


def check(resource, before, obj):
    """[status.Fault] of an object that its schema has nothing against; stored form, before is None for a new one."""
    kind, out = resource.kind, []
    if kind == "Pod":
        out = check_pod_update(before, obj)
        if not obj["spec"].get("containers"):
            out.append(status.required("spec.containers"))
    elif kind == "Event":
        out = _check_event(resource, obj)
    elif kind in ("RoleBinding", "ClusterRoleBinding"):
        if before and before.get("roleRef") != obj.get("roleRef"):
            out.append(status.invalid_value("roleRef", obj.get("roleRef"), "cannot change roleRef"))
    elif kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        out = _check_webhooks(obj)
    elif kind == "Lease":
        spec = obj.get("spec", {})
        if spec.get("leaseDurationSeconds") is not None and spec["leaseDurationSeconds"] <= 0:
            out.append(status.invalid_value("spec.leaseDurationSeconds", spec["leaseDurationSeconds"], "must be greater than 0"))
        if (spec.get("leaseTransitions") or 0) < 0:
            out.append(status.invalid_value("spec.leaseTransitions", spec["leaseTransitions"], "must be greater than or equal to 0"))
    elif kind in ("ConfigMap", "Secret") and before and before.get("immutable"):
        if any(before.get(k) != obj.get(k) for k in ("data", "binaryData", "immutable")):
            out.append(status.forbidden_field("data", "field is immutable when `immutable` is set"))
    return out


def needs_spec(resource):
    """Kinds without which an empty spec is refused as what lacks its required fields."""
    return resource.kind == "Pod"
