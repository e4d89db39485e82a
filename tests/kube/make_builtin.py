#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""make_builtin.py SWAGGER.json > kubeapi/builtin.json: what fields the kinds have that the stand-in knows, out of the document that a real
server gives as /openapi/v2 (Kubernetes is Apache-2.0). Descriptions go; what later versions added and our manifests use is in NEWER."""

import json
import sys

KINDS = {
    "v1": ("Pod", "Namespace", "Event", "ServiceAccount", "Node", "ConfigMap", "Secret", "Service", "Endpoints", "PersistentVolumeClaim",
           "ResourceQuota", "LimitRange"),
    "apps/v1": ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"),
    "batch/v1": ("Job",),
    "policy/v1beta1": ("PodDisruptionBudget",),
    "networking.k8s.io/v1": ("NetworkPolicy",),
    "scheduling.k8s.io/v1": ("PriorityClass",),
    "coordination.k8s.io/v1": ("Lease",),
    "events.k8s.io/v1": ("Event",),
    "rbac.authorization.k8s.io/v1": ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"),
    "apiextensions.k8s.io/v1": ("CustomResourceDefinition",),
    "admissionregistration.k8s.io/v1": ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
}
STRING, BOOL, INTEGER = ({"type": t} for t in ("string", "boolean", "integer"))
OBJECT = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
APPARMOR = {"type": "object", "properties": {"type": STRING, "localhostProfile": STRING}, "required": ["type"]}
OS = {"type": "object", "properties": {"name": STRING}, "required": ["name"]}
CONDITIONS = {"type": "array", "items": {"type": "object", "properties": {"name": STRING, "expression": STRING}, "required": ["expression", "name"]}}
NEWER = {
    "core.v1.SecurityContext": {"appArmorProfile": APPARMOR},
    "core.v1.PodSecurityContext": {"appArmorProfile": APPARMOR, "supplementalGroupsPolicy": STRING},
    "core.v1.PodSpec": {"os": OS, "hostUsers": BOOL, "schedulingGates": {"type": "array", "items": {"type": "object", "properties": {"name": STRING}}}},
    "core.v1.PodStatus": {"hostIPs": {"type": "array", "items": {"type": "object", "properties": {"ip": STRING}}}, "observedGeneration": INTEGER,
                          "resize": STRING},
    "core.v1.Container": {"restartPolicy": STRING},
    "core.v1.ContainerStatus": {"volumeMounts": {"type": "array", "items": OBJECT}, "resources": OBJECT, "allocatedResources": OBJECT, "user": OBJECT},
    "core.v1.VolumeMount": {"recursiveReadOnly": STRING},
    "core.v1.VolumeProjection": {"clusterTrustBundle": OBJECT},
    "apps.v1.RollingUpdateDaemonSet": {"maxSurge": {"x-kubernetes-int-or-string": True}},
    "batch.v1.JobSpec": {"completionMode": STRING, "suspend": BOOL, "podFailurePolicy": OBJECT},
    "core.v1.ServiceSpec": {"internalTrafficPolicy": STRING},
    "core.v1.Probe": {"terminationGracePeriodSeconds": INTEGER},
    "admissionregistration.v1.ValidatingWebhook": {"matchConditions": CONDITIONS},
    "admissionregistration.v1.MutatingWebhook": {"matchConditions": CONDITIONS},
    "apiextensions.v1.CustomResourceDefinitionVersion": {"selectableFields": {"type": "array", "items": OBJECT}},
    "apiextensions.v1.JSONSchemaProps": {"x-kubernetes-validations": {"type": "array", "items": OBJECT}},
}
KEEP = ("type", "format", "required", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type")


def short(name):
    return name.removeprefix("io.k8s.").removeprefix("api.").removeprefix("apimachinery.pkg.apis.") \
        .removeprefix("apiextensions-apiserver.pkg.apis.").removeprefix("apimachinery.pkg.")


def main(path):
    definitions = json.load(open(path))["definitions"]
    out, todo, kinds = {}, [], {}

    def condense(schema):
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            todo.append(name)
            return {"$ref": short(name)}
        new = {k: schema[k] for k in KEEP if k in schema}
        if new.get("format") == "int-or-string":
            return {"x-kubernetes-int-or-string": True}
        for key in ("items", "additionalProperties"):
            if isinstance(schema.get(key), dict):
                new[key] = condense(schema[key])
        if "properties" in schema:
            new["properties"] = {n: condense(p) for n, p in schema["properties"].items()}
        if not new.get("properties") and "additionalProperties" not in new and new.get("type", "object") == "object":
            new["x-kubernetes-preserve-unknown-fields"] = True
        return new

    for name, schema in definitions.items():
        for gvk in schema.get("x-kubernetes-group-version-kind", []):
            version = f'{gvk["group"]}/{gvk["version"]}' if gvk["group"] else gvk["version"]
            if gvk["kind"] in KINDS.get(version, ()):
                kinds[f"{version}, {gvk['kind']}"] = short(name)
                todo.append(name)
    while todo:
        name = todo.pop()
        if short(name) in out:
            continue
        out[short(name)] = {}
        out[short(name)] = new = condense(definitions[name])
        new.get("properties", {}).update(NEWER.get(short(name), {}))
        if short(name).endswith(("api.resource.Quantity", "util.intstr.IntOrString")):
            out[short(name)] = {"x-kubernetes-int-or-string": True}
        if short(name) in ("apiextensions.v1.JSON", "apiextensions.v1.JSONSchemaPropsOrBool", "apiextensions.v1.JSONSchemaPropsOrArray",
                           "apiextensions.v1.JSONSchemaPropsOrStringArray"):
            out[short(name)] = {"x-kubernetes-preserve-unknown-fields": True}
    missing = [v + ", " + k for v, names in KINDS.items() for k in names if f"{v}, {k}" not in kinds]
    unused = [n for n in NEWER if n not in out]
    if missing or unused:
        sys.exit(f"not in {path}: {missing} {unused}")
    json.dump({"kinds": dict(sorted(kinds.items())), "definitions": dict(sorted(out.items()))}, sys.stdout, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main(sys.argv[1])
