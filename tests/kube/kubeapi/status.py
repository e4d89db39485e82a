# SPDX-License-Identifier: MIT
"""Failures as the API has them: a Status object, in the words of the real server."""


class ApiError(Exception):
    """Becomes an HTTP answer, or the object of an ERROR event."""

    def __init__(self, code, reason, message, details=None, metadata=None, headers=None):
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message
        self.details, self.metadata, self.headers = details, metadata or {}, headers or {}

    def status(self):
        out = {"kind": "Status", "apiVersion": "v1", "metadata": self.metadata, "status": "Failure", "message": self.message}
        if self.reason:
            out["reason"] = self.reason
        if self.details is not None:
            out["details"] = self.details
        out["code"] = self.code
        return out


def _details(name, resource):
    """A resource is (group, plural)."""
    group, plural = resource
    out = {}
    if name:
        out["name"] = name
    if group:
        out["group"] = group
    out["kind"] = plural
    return out


def qualified(resource):
    group, plural = resource
    return f"{plural}.{group}" if group else plural


def unauthorized():
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(resource, name, why):
    what = qualified(resource) + (f' "{name}"' if name else "")
    return ApiError(403, "Forbidden", f"{what} is forbidden: {why}", _details(name, resource))


def forbidden_path(why):
    return ApiError(403, "Forbidden", f"forbidden: {why}", {})


def not_found(resource, name):
    return ApiError(404, "NotFound", f'{qualified(resource)} "{name}" not found', _details(name, resource))


def no_such_resource():
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def method_not_allowed(resource=None, verb=""):
    if resource is not None and resource.custom:
        return ApiError(405, "MethodNotAllowed", f'{verb} is not supported on resources of kind "{qualified(resource.name)}"', _details("", resource.name))
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def exists(resource, name, going=False):
    return ApiError(409, "AlreadyExists", f'{"object is being deleted: " if going else ""}{qualified(resource)} "{name}" already exists', _details(name, resource))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(resource, name, why=MODIFIED):
    return ApiError(409, "Conflict", f'Operation cannot be fulfilled on {qualified(resource)} "{name}": {why}', _details(name, resource))


def bad_request(message):
    return ApiError(400, "BadRequest", message)


def unsupported_media(accepted):
    return ApiError(415, "UnsupportedMediaType",
                    "the body of the request was in an unknown format - accepted media types include: " + ", ".join(accepted))


def not_acceptable(accepted):
    return ApiError(406, "NotAcceptable", "only the following media types are accepted: " + ", ".join(accepted))


def expired(message, token=None):
    return ApiError(410, "Expired", message, metadata={"continue": token} if token else None)


def internal(message):
    return ApiError(500, "InternalError", f"Internal error occurred: {message}", {"causes": [{"message": message}]})


def too_large(wanted, current):
    return ApiError(504, "Timeout", f"Timeout: Too large resource version: {wanted}, current: {current}",
                    {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1},
                    headers={"Retry-After": "1"})


class Fault:
    """One line of what is invalid about an object: (reason, field, message)."""

    def __init__(self, reason, field, text):
        self.reason, self.field, self.text = reason, field, text

    def line(self):
        return f"{self.field}: {self.text}"

    def cause(self):
        return {"reason": self.reason, "message": self.text, "field": self.field}


def _shown(value):
    import json
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def required(field, text=""):
    return Fault("FieldValueRequired", field, "Required value" + (f": {text}" if text else ""))


def invalid_value(field, value, text):
    return Fault("FieldValueInvalid", field, f"Invalid value: {_shown(value)}: {text}")


def not_supported(field, value, allowed):
    return Fault("FieldValueNotSupported", field, f"Unsupported value: {_shown(value)}: supported values: " + ", ".join(_shown(a) for a in allowed))


def forbidden_field(field, text):
    return Fault("FieldValueForbidden", field, f"Forbidden: {text}")


def version_wanted(resource, name):
    """Of an update that must say which version it is of."""
    return invalid(resource[0], resource[1], name, [Fault("FieldValueInvalid", "metadata.resourceVersion", "Invalid value: 0x0: must be specified for an update")])


def invalid(group, kind, name, faults):
    lines = [f.line() for f in faults]
    text = lines[0] if len(lines) == 1 else "[" + ", ".join(lines) + "]"
    details = {k: v for k, v in (("name", name), ("group", group), ("kind", kind)) if v}
    details["causes"] = [f.cause() for f in faults]
    return ApiError(422, "Invalid", f'{kind}{"." + group if group else ""} "{name}" is invalid: {text}', details)
