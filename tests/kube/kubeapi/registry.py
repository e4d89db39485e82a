# SPDX-License-Identifier: MIT
"""What can be done to objects, whoever may: create, update, patch, apply, delete, in the order of the real server: decode, prepare,
admit, validate, store. Nothing is locked while a webhook is asked; an object that became another one meanwhile is tried again."""

import json

from . import admission, crd, fields, kinds, meta, patch, status
from .store import clone

TRIES = 20  # of a patch that others come before


# Those that an update may make, and those of which it must say the version.
_MADE_BY_UPDATE = ("Lease", "Event", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "Endpoints", "LimitRange", "Service")
_CONDITIONAL = ("Lease", "CustomResourceDefinition", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")


class Options:
    """What a write says beside its object."""

    def __init__(self, manager="unknown", dry_run=False, validation="", force=False, said=False):
        self.manager, self.dry_run, self.validation, self.force = manager, dry_run, validation, force
        self.said = said  # the manager, and not only what its agent is called
        self.warnings = []

    def review(self):
        out = {"fieldManager": self.manager} if self.said else {}
        if self.dry_run:
            out["dryRun"] = ["All"]
        return out


class Registry:
    def __init__(self, store, clock, tokens, services, version=(1, 32), service_accounts=False):
        self.store, self.clock, self.tokens, self.version, self.service_accounts = store, clock, tokens, version, service_accounts
        self.admission = admission.Admission(store, services)
        self._builtin = kinds.builtin()
        self.after = []  # functions (resource, object) that are told of what a delete left to do

    # ---- which resources there are ---------------------------------------------------------------------------------------

    def resources(self):
        out = list(self._builtin)
        for definition in self.store.all(crd.KEY)[1]:
            if crd.is_established(definition) and not definition["metadata"].get("deletionTimestamp"):
                out += crd.resources(definition)
        return out

    def lookup(self, group, version, plural):
        for r in self._builtin:
            if (r.group, r.version, r.plural) == (group, version, plural):
                return r
        definition = self.store.get(crd.KEY, "", f"{plural}.{group}")
        if definition and crd.is_established(definition):
            return next((r for r in crd.resources(definition) if r.version == version), None)
        return None

    def of_kind(self, api_version, kind):
        return next((r for r in self.resources() if r.api_version == api_version and r.kind == kind), None)

    # ---- decoding ----------------------------------------------------------------------------------------------------------

    def decode(self, resource, body, options):
        """The object of a body, without what is not known of it."""
        if not isinstance(body, dict):
            raise status.bad_request("the object provided is unrecognized (must be of type " + resource.kind + "): an object is wanted")
        kind, version = body.get("kind"), body.get("apiVersion")
        if resource.custom and not kind:
            raise status.bad_request(f"Object 'Kind' is missing in '{json.dumps(body)[:200]}'")
        if (kind or resource.kind) != resource.kind or (version or resource.api_version) != resource.api_version:
            raise status.bad_request(f"the object provided is unrecognized (must be of type {resource.kind}): "
                                     f"{version or 'no apiVersion'}, Kind={kind or 'none'} was given")
        unknown = resource.schemas.unknown(resource.schema, body)
        if unknown and options.validation == "Strict":
            lines = ", ".join(f'unknown field "{u}"' for u in unknown)
            prefix = "" if resource.custom else f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
            raise status.bad_request(f"{prefix}strict decoding error: {lines}")
        if unknown and options.validation != "Ignore":
            options.warnings += [f'unknown field "{u}"' for u in unknown]
        obj = resource.schemas.prune(resource.schema, body)
        if not isinstance(obj.get("metadata", {}), (dict, type(None))):
            raise status.bad_request("metadata is no object")
        obj = {**obj, "kind": resource.kind, "apiVersion": resource.hub or resource.api_version, "metadata": dict(obj.get("metadata") or {})}
        for key in ("labels", "annotations", "finalizers", "ownerReferences"):
            if not obj["metadata"].get(key, True):
                del obj["metadata"][key]
        if resource.custom:
            return _as_go_reads(obj)
        self._decoded(resource, obj)
        obj = _without_null(kinds.to_store(resource, obj))
        kinds.complete(resource, obj)
        return clone(obj)

    @staticmethod
    def _decoded(resource, obj):
        """Wrong types do not even get into the structs of the real server."""
        wrong = [f for f in resource.schemas.check(resource.schema, _without_null(obj)) if "must be of type" in f.text]
        if wrong:
            raise status.bad_request(f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {wrong[0].line()}')

    def _validate(self, resource, before, obj):
        faults = meta.check(resource, obj)
        if resource.custom:
            faults += resource.schemas.check(resource.schema, {k: v for k, v in obj.items() if k != "metadata"})
        else:
            shown = kinds.from_store(resource, obj)
            faults += [f for f in resource.schemas.check(resource.schema, shown) if not f.field.startswith("status")]
            if not faults:
                faults += kinds.check(resource, before, obj)
            if resource.key == crd.KEY and not faults:
                faults += crd.check(before, obj)
        if faults:
            raise status.invalid(resource.key[0], resource.kind, obj["metadata"].get("name", ""), faults)

    # ---- create ------------------------------------------------------------------------------------------------------------

    def create(self, resource, namespace, body, user, options):
        obj = self.decode(resource, body, options)
        self._place(resource, namespace, obj)
        return self._create(resource, namespace, obj, user, options)

    @staticmethod
    def _place(resource, namespace, obj):
        if not resource.namespaced:
            obj["metadata"].pop("namespace", None)
            return
        if obj["metadata"].setdefault("namespace", namespace) != namespace:
            raise status.bad_request("the namespace of the provided object does not match the namespace sent on the request")

    def _create(self, resource, namespace, obj, user, options, managed=None):
        now, m = self.clock(), obj["metadata"]
        if m.get("resourceVersion") not in (None, "", "0"):
            raise status.ApiError(500, None, "resourceVersion should not be set on objects to be created")
        name = m.get("name", "")
        meta.new(m, now, bool(resource.custom) or _has_generation(resource))
        asked = obj.get("status")
        if resource.has_status:
            obj.pop("status", None)
        if resource.custom:
            obj = self._default_custom(resource, obj)
            m = obj["metadata"]
        else:
            if resource.kind == "Pod" and not isinstance(obj.get("spec"), dict):
                obj["spec"] = {}
            kinds.defaults(resource, obj)
            if resource.kind == "Namespace" and self.version < (1, 21):
                m["labels"].pop("kubernetes.io/metadata.name")
                if not m["labels"]:
                    del m["labels"]
            if resource.key == crd.KEY:
                crd.defaults(obj)
        m.pop("managedFields", None)
        own = self._own(resource, obj)
        if resource.custom and asked is not None and self.version < (1, 22):  # which noted what was asked for, and not what was done
            own = {**own, "status": asked}
        managed = managed or fields.note(None, kinds.from_store(resource, own), options.manager, "Update", resource.api_version, meta.stamp(now),
                                         keys=self._keys(resource))
        if managed:
            m["managedFields"] = managed
        if resource.kind == "Pod":
            kinds.admit_pod(obj, self.service_accounts)
        a = admission.Attributes("CREATE", resource, namespace, name, obj, None, user, "", options.dry_run, options.review())
        obj = self._mutated(resource, a)
        if resource.namespaced:
            self._living_namespace(resource, namespace, name)
        self._validate(resource, None, obj)
        a.name = m.get("name", "")
        self.admission.validate(a)
        if resource.key == crd.KEY:
            obj["status"] = crd.first_status(obj)
            options.warnings += crd.warnings(obj)
        obj = meta.ordered(kinds.stored(resource, obj))
        if options.dry_run:
            there = self.store.get(resource.key, namespace, m["name"])
            if there:
                raise status.exists(resource.name, m["name"], "deletionTimestamp" in there["metadata"])
            return obj
        stored = self.store.insert(resource.key, obj)
        if stored is None:
            there = self.store.get(resource.key, namespace, m["name"]) or {"metadata": {}}
            raise status.exists(resource.name, m["name"], "deletionTimestamp" in there["metadata"])
        if resource.key == crd.KEY:
            self._establish(resource, stored)
        return stored

    def _mutated(self, resource, a):
        obj = self.admission.mutate(a)
        if resource.custom and obj is not a.given:
            obj = a.object = self._default_custom(resource, resource.schemas.prune(resource.schema, obj))
        return obj

    @staticmethod
    def _default_custom(resource, obj):
        return resource.schemas.without_null(resource.schema, resource.schemas.default(resource.schema, obj))

    def _keys(self, resource):
        if not resource.custom:
            return patch.merge_key
        return fields.keys_of(resource.schema if self.version >= (1, 22) else {}, self.version >= (1, 22))

    def _own(self, resource, obj):
        """What of a new object is its maker's."""
        if resource.kind == "Namespace":
            return _but(obj, "spec") if self.version < (1, 22) else _but(obj, "spec", "status")
        return _but(obj, "status") if resource.has_status else obj

    def _living_namespace(self, resource, namespace, name):
        found = self.store.get(("", "namespaces"), "", namespace)
        if found is None:
            raise status.not_found(("", "namespaces"), namespace)
        if found.get("status", {}).get("phase") == "Terminating":
            error = status.forbidden(resource.name, name, f"unable to create new content in namespace {namespace} because it is being terminated")
            error.details["causes"] = [{"reason": "NamespaceTerminating", "message": f"namespace {namespace} is being terminated", "field": "metadata.namespace"}]
            raise error

    def _establish(self, resource, stored):
        for step in crd.steps(stored, self.clock()):
            stored = self.store.replace(resource.key, stored, {**stored, "status": step}) or stored

    # ---- update ------------------------------------------------------------------------------------------------------------

    def update(self, resource, namespace, name, body, user, options, subresource=""):
        """A whole object in place of another. Some may be made that way."""
        given = self.decode(resource, body, options)
        self._place(resource, namespace, given)
        if given["metadata"].setdefault("name", name) != name:
            raise status.bad_request(f"the name of the object ({given['metadata']['name']}) does not match the name on the URL ({name})")
        if self.store.get(resource.key, namespace, name) is None and not subresource and resource.kind in _MADE_BY_UPDATE:
            return self._create(resource, namespace, given, user, options), True
        if not given["metadata"].get("resourceVersion") and (resource.custom or resource.kind in _CONDITIONAL):
            if self.store.get(resource.key, namespace, name) is None:
                raise status.not_found(resource.name, name)
            raise status.version_wanted(resource.name, name)
        uid = given["metadata"].get("uid")
        if uid and self.store.get(resource.key, namespace, name) is None:
            raise status.conflict(resource.name, name, f"Precondition failed: UID in precondition: {uid}, UID in object meta: ")
        return self._change(resource, namespace, name, lambda before: clone(given), user, options, subresource, whole=True), False

    def patch(self, resource, namespace, name, kind, body, user, options, subresource=""):
        """(object, whether it was made)"""
        if kind == patch.APPLY:
            return self._apply(resource, namespace, name, body, user, options, subresource)
        if kind == patch.STRATEGIC and resource.custom:
            raise status.unsupported_media([patch.JSON, patch.MERGE, patch.APPLY])
        function = {patch.JSON: patch.json_patch, patch.MERGE: patch.merge, patch.STRATEGIC: patch.strategic}[kind]
        if kind != patch.JSON and not isinstance(body, dict):
            raise status.bad_request("a patch is an object")

        def changed(before):
            shown = function(kinds.from_store(resource, before), body)
            if not isinstance(shown, dict) or not isinstance(shown.get("metadata"), dict):
                raise status.bad_request("after the patch it is no object")
            return self.decode(resource, shown, options)
        return self._change(resource, namespace, name, changed, user, options, subresource), False

    def _apply(self, resource, namespace, name, body, user, options, subresource):
        if not isinstance(body, dict) or body.get("apiVersion") != resource.api_version or body.get("kind") != resource.kind:
            raise status.bad_request(f"an apply configuration is an object with apiVersion {resource.api_version} and kind {resource.kind}")
        if (body.get("metadata") or {}).get("managedFields"):
            raise status.bad_request("metadata.managedFields must be nil")
        given = self.decode(resource, body, options)
        self._place(resource, namespace, given)
        if given["metadata"].setdefault("name", name) != name:
            raise status.bad_request(f"the name of the object ({given['metadata']['name']}) does not match the name on the URL ({name})")
        given["metadata"].pop("managedFields", None)
        now = meta.stamp(self.clock())
        if self.store.get(resource.key, namespace, name) is None:
            if subresource:
                raise status.not_found(resource.name, name)
            managed = fields.apply(None, given, options.manager, True, now, self._keys(resource))[1]
            return self._create(resource, namespace, given, user, options, managed), True
        entries = []

        def changed(before):
            obj, entries[:] = fields.apply(before, given, options.manager, options.force, now, self._keys(resource))
            return clone(obj)
        return self._change(resource, namespace, name, changed, user, options, subresource, entries), False

    def _change(self, resource, namespace, name, changed, user, options, subresource="", managed=None, whole=False):
        for _ in range(TRIES):
            before = self.store.get(resource.key, namespace, name)
            if before is None:
                raise status.not_found(resource.name, name)
            obj = changed(before)
            wanted, uid = obj["metadata"].get("resourceVersion"), obj["metadata"].get("uid") or before["metadata"]["uid"]
            if whole and uid != before["metadata"]["uid"]:
                raise status.conflict(resource.name, name, f"Precondition failed: UID in precondition: {uid}, UID in object meta: {before['metadata']['uid']}")
            if wanted not in (None, "", before["metadata"]["resourceVersion"]):
                raise status.conflict(resource.name, name)
            if uid != before["metadata"]["uid"]:
                raise status.invalid(resource.group, resource.kind, name, [status.invalid_value("metadata.uid", uid, "field is immutable")])
            obj = self._prepare(resource, before, obj, subresource, options, managed)
            a = admission.Attributes("UPDATE", resource, namespace, name, obj, before, user, subresource, options.dry_run, options.review())
            obj = self._mutated(resource, a)
            self._validate(resource, before, obj)
            self.admission.validate(a)
            stored = self._store(resource, before, meta.ordered(kinds.stored(resource, obj)), options)
            if stored is not None:
                return stored
            # Somebody was faster. A patch is of what there is now; what names a version finds above that it is another.
        raise status.conflict(resource.name, name)

    def _prepare(self, resource, before, obj, subresource, options, managed):
        """What of the new object counts: an update is of the status or of all the rest."""
        m, asked = obj["metadata"], obj
        meta.kept(before["metadata"], m)
        m["resourceVersion"] = before["metadata"]["resourceVersion"]
        if subresource == "status":
            kept = {k: v for k, v in before.items() if k != "status"}
            if not resource.custom:
                kept["metadata"] = {**m, "ownerReferences": before["metadata"].get("ownerReferences")}
                if kept["metadata"]["ownerReferences"] is None:
                    del kept["metadata"]["ownerReferences"]
            obj = {**kept, **({"status": obj["status"]} if "status" in obj else {})}
        elif resource.has_status:
            obj = _but(obj, "status")
            if "status" in before:
                obj["status"] = before["status"]
        if resource.custom:
            obj = self._default_custom(resource, obj)
        elif subresource != "status":
            self._default_again(resource, before, obj)
        obj["metadata"] = m = dict(obj["metadata"])
        if "generation" in before["metadata"] and _but(before, "metadata", "status" if resource.has_status else "") != _but(
                obj, "metadata", "status" if resource.has_status else ""):
            m["generation"] = before["metadata"]["generation"] + 1
        m.pop("managedFields", None)
        noted = self._default_custom(resource, asked) if resource.custom and self.version < (1, 22) else obj
        entries = managed or fields.note(kinds.from_store(resource, before), kinds.from_store(resource, noted), options.manager, "Update", resource.api_version,
                                          meta.stamp(self.clock()), subresource if self.version >= (1, 22) else "", self._keys(resource))
        if (managed or resource.custom and _but(before["metadata"], "managedFields") == m) and _but(before, "metadata") == _but(obj, "metadata") and \
                _same_managers(before, entries):
            entries = before["metadata"].get("managedFields")
        if entries:
            m["managedFields"] = entries
        return obj

    def _default_again(self, resource, before, obj):
        if resource.kind == "Pod":
            if not isinstance(obj.get("spec"), dict):
                obj["spec"] = {}
            kinds.pod_spec(obj["spec"])
            for key in ("enableServiceLinks", "priority", "preemptionPolicy", "serviceAccountName", "serviceAccount"):
                if key in before["spec"]:
                    obj["spec"].setdefault(key, before["spec"][key])
        elif resource.kind == "Namespace":
            obj["spec"] = before.get("spec", {})
        elif resource.key == crd.KEY:
            crd.defaults(obj)
        else:
            had = before.get("status")
            kinds.defaults(resource, obj)
            if had is not None:
                obj["status"] = had

    def _store(self, resource, before, obj, options):
        """The new version, or that of an object that this update took the last finalizer from; None when another came first."""
        m = obj["metadata"]
        if before["metadata"].get("deletionTimestamp") and not m.get("finalizers") and before["metadata"].get("finalizers") and \
                not before["metadata"].get("deletionGracePeriodSeconds"):
            gone = before if options.dry_run else self.store.remove(resource.key, before)
            return gone and {**obj, "metadata": {**m, "resourceVersion": self._as_deleted(before, gone)["metadata"]["resourceVersion"]}}
        if options.dry_run:
            return obj
        stored = self.store.replace(resource.key, before, obj)
        if stored is not None and resource.key == crd.KEY and not crd.is_established(stored):
            self._establish(resource, stored)
        return stored

    # ---- delete ------------------------------------------------------------------------------------------------------------

    def delete(self, resource, namespace, name, body, user, options):
        """The object that is gone, or going, or a Status where nothing of it is left to be shown."""
        for _ in range(TRIES):
            before = self.store.get(resource.key, namespace, name)
            if before is None:
                raise status.not_found(resource.name, name)
            _preconditions(resource, before, body.get("preconditions") or {})
            a = admission.Attributes("DELETE", resource, namespace, name, None, before, user, "", options.dry_run, {k: v for k, v in body.items()
                                                                                                               if k not in ("kind", "apiVersion")})
            self.admission.validate(a)
            if options.dry_run:
                return before if resource.kind == "Pod" else _deleted(resource, before)
            done = self._delete(resource, before, body)
            if done is not None:
                for tell in self.after:
                    tell(resource, done)
                return done
        raise status.conflict(resource.name, name)

    def _delete(self, resource, before, body):
        m, now, key = before["metadata"], self.clock(), resource.key
        going = m.get("deletionTimestamp")
        if key == ("", "namespaces"):
            if going:
                return before
            return self.store.replace(key, before, meta.ordered({**before, "metadata": {**m, "deletionTimestamp": meta.stamp(now)},
                                                                 "status": {**before.get("status", {}), "phase": "Terminating"}}))
        extra = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(body.get("propagationPolicy"))
        finalizers = list(m.get("finalizers") or ())
        if extra and extra not in finalizers:
            finalizers.append(extra)
        grace, pending = self._grace(resource, before, body.get("gracePeriodSeconds"))
        if pending:
            return before
        if grace is not None or finalizers and not going:
            seconds = grace or 0
            since = meta.seconds_of(going) - m.get("deletionGracePeriodSeconds", 0) if going else now
            changed = {**m, "deletionTimestamp": meta.stamp(since + seconds), "deletionGracePeriodSeconds": seconds}
            if "generation" in m and not going:
                changed["generation"] = m["generation"] + 1
            if finalizers:
                changed["finalizers"] = finalizers
            before = self.store.replace(key, before, meta.ordered({**before, "metadata": changed}))
            if before is None or seconds or finalizers:
                return before
        elif finalizers:
            return before  # it waits for them
        if key == crd.KEY:
            self._remove_all_of(before)
        gone = self.store.remove(key, before)
        return None if gone is None else self._as_deleted(before, gone) if resource.kind == "Pod" else _deleted(resource, gone)

    def _as_deleted(self, before, gone):
        """What is answered: older servers show the version from before, only the event has that of the deletion."""
        return before if self.version < (1, 27) else gone

    def _remove_all_of(self, definition):
        """No object outlives the definition of its kind."""
        key = definition["spec"]["group"], definition["spec"]["names"]["plural"]
        while True:
            objects = self.store.all(key)[1]
            if not objects:
                return
            for obj in objects:
                self.store.remove(key, obj)

    @staticmethod
    def _grace(resource, before, wanted):
        """(seconds until it goes, None for resources that know no grace; whether it goes already and nothing changes)"""
        if resource.kind != "Pod" or resource.group:
            return None, False
        m, spec = before["metadata"], before["spec"]
        if m.get("deletionTimestamp"):
            left = m.get("deletionGracePeriodSeconds", 0)
            if not left:
                return None, False
            return (wanted, False) if wanted is not None and wanted < left else (None, True)
        seconds = wanted if wanted is not None else spec.get("terminationGracePeriodSeconds", 0)
        if not spec.get("nodeName") or before.get("status", {}).get("phase") in ("Failed", "Succeeded"):
            seconds = 0
        return seconds, False

    # ---- what is neither -----------------------------------------------------------------------------------------------------

    def bind(self, namespace, name, body):
        """pods/NAME/binding: the pod is on that node from now on."""
        resource, node = self.lookup("", "v1", "pods"), (body.get("target") or {}).get("name")
        while True:
            before = self.store.get(resource.key, namespace, name)
            if before is None:
                raise status.not_found(resource.name, name)
            if before["metadata"].get("deletionTimestamp"):
                raise status.conflict(("", "pods/binding"), name, f"pod {name} is being deleted, cannot be assigned to a host")
            if before["spec"].get("nodeName"):
                raise status.conflict(("", "pods/binding"), name, f'pod {name} is already assigned to node "{before["spec"]["nodeName"]}"')
            conditions = [*before["status"].get("conditions", ()), {"type": "PodScheduled", "status": "True", "lastProbeTime": None,
                                                                  "lastTransitionTime": meta.stamp(self.clock())}]
            changed = {**before, "spec": {**before["spec"], "nodeName": node}, "status": {**before["status"], "conditions": conditions}}
            if self.store.replace(resource.key, before, changed) is not None:
                return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}

    def finalize(self, name, body):
        """namespaces/NAME/finalize: whoever put a name there takes it away; without one, what is being deleted is gone."""
        key = ("", "namespaces")
        before = self.store.get(key, "", name)
        if before is None:
            raise status.not_found(key, name)
        left = (body.get("spec") or {}).get("finalizers") or []
        if not left and before["metadata"].get("deletionTimestamp"):
            return self.store.remove(key, before) or before
        return self.store.replace(key, before, {**before, "spec": {"finalizers": left} if left else {}}) or before

    def issue_token(self, namespace, name, body):
        account = self.store.get(("", "serviceaccounts"), namespace, name)
        if account is None:
            raise status.not_found(("", "serviceaccounts"), name)
        seconds = (body.get("spec") or {}).get("expirationSeconds") or 3600
        token = self.tokens.add_service_account(namespace, name, account["metadata"]["uid"], seconds)
        return {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {"name": name, "namespace": namespace},
                "spec": {"audiences": (body.get("spec") or {}).get("audiences") or ["https://kubernetes.default.svc"], "expirationSeconds": seconds},
                "status": {"token": token, "expirationTimestamp": meta.stamp(self.clock() + seconds)}}


def _has_generation(resource):
    return resource.group in ("apps", "batch", "networking.k8s.io", "admissionregistration.k8s.io", "apiextensions.k8s.io", "scheduling.k8s.io", "policy")


def _as_go_reads(value):
    """A copy in which 3.0 is 3."""
    if isinstance(value, dict):
        return {k: _as_go_reads(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_as_go_reads(v) for v in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def _but(obj, *keys):
    return {k: v for k, v in obj.items() if k not in keys}


def _same_managers(before, managed):
    def of(entries):
        return sorted((e["manager"], e["operation"], json.dumps(e["fieldsV1"], sort_keys=True)) for e in entries or ())
    return of(before["metadata"].get("managedFields")) == of(managed)


def _without_null(value):
    """Of objects of Go's structs, where null is nothing."""
    if isinstance(value, dict):
        return {k: _without_null(v) for k, v in value.items() if v is not None}
    return [_without_null(v) for v in value] if isinstance(value, list) else value


def _preconditions(resource, before, wanted):
    m = before["metadata"]
    if wanted.get("uid") not in (None, m["uid"]):
        raise status.conflict(resource.name, m["name"], f"Precondition failed: UID in precondition: {wanted['uid']}, UID in object meta: {m['uid']}")
    if wanted.get("resourceVersion") not in (None, m["resourceVersion"]):
        raise status.conflict(resource.name, m["name"], f"Precondition failed: ResourceVersion in precondition: {wanted['resourceVersion']}, "
                              f"ResourceVersion in object meta: {m['resourceVersion']}")


def _deleted(resource, obj):
    details = {"name": obj["metadata"]["name"], "group": resource.group, "kind": resource.plural, "uid": obj["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": {k: v for k, v in details.items() if v}}
