# SPDX-License-Identifier: ISC
"""Decodes and checks requests and replies by AWS's published service model (botocore's
service-2.json).

A request is refused if it violates the model: unknown or missing members, types, lengths,
ranges, patterns, enums.  Replies of the simulated cloud are checked in the same way; they may
omit members, but must not add unknown ones.  Signatures are verified by an independent
implementation of SigV4.
"""

import base64
import datetime
import hashlib
import hmac
import json
import re
import urllib.parse
from xml.sax.saxutils import escape


class Refused(Exception):
    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def check(shape, value, where="request"):
    """Refuse a value that the shape does not allow."""
    def no(why):
        raise Refused("ValidationException", f"{where}: {why}")
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            no("not a structure")
        for name in shape.required_members:
            if name not in value:
                no(f"{name} is missing")
        for name, v in value.items():
            if name not in shape.members:
                no(f"{name} is unknown")
            check(shape.members[name], v, f"{where}.{name}")
        return
    if kind in ("list", "map"):
        if not isinstance(value, list if kind == "list" else dict):
            no(f"not a {kind}")
        for v in value if kind == "list" else value.values():
            check(shape.member if kind == "list" else shape.value, v, f"{where}[]")
    types = {"string": str, "boolean": bool, "integer": int, "long": int, "float": (int, float),
             "double": (int, float), "blob": bytes}
    if kind in types and (not isinstance(value, types[kind])
                          or isinstance(value, bool) != (kind == "boolean")):
        no(f"{value!r} is no {kind}")
    if shape.type_name == "string" and shape.enum and value not in shape.enum:
        raise Refused("InvalidInstanceType" if shape.name == "InstanceType" else
                      "ValidationException",
                      f"{where}: {value!r} is none of {', '.join(shape.enum[:6])}...")
    limits = shape.metadata
    size = value if kind in ("integer", "long") else len(value) \
        if kind in ("string", "list", "blob") else None
    if size is not None and not limits.get("min", size) <= size <= limits.get("max", size):
        no(f"{value!r:.40} is out of range")
    # Pairs of UTF-16, as Java has them.
    pattern = limits.get("pattern", "").replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
    if pattern and kind == "string" and not re.fullmatch(pattern, value):
        no(f"{value!r} does not match {limits['pattern']}")


def scalar(shape, text):
    kind = shape.type_name
    try:
        if kind in ("integer", "long"):
            return int(text)
        if kind == "boolean":
            return {"true": True, "false": False}[text]
        if kind == "blob":
            return base64.b64decode(text, validate=True)
    except (ValueError, KeyError):
        raise Refused("ValidationException", f"{text!r} is no {kind}") from None
    return text


class Form:
    """A form of the protocols `ec2` and `query`, read by a shape."""

    def __init__(self, body, ec2):
        self.fields = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True,
                                                  strict_parsing=True))
        self.action, self.version = self.fields.pop("Action", ""), self.fields.pop("Version", "")
        self.ec2 = ec2

    def name(self, shape, default):
        s = shape.serialization
        if self.ec2 and "queryName" in s:
            return s["queryName"]
        found = s.get("name", default)
        return found[0].upper() + found[1:] if self.ec2 else found

    def under(self, prefix):
        return any(k == prefix or k.startswith(prefix + ".") for k in self.fields)

    def read(self, shape, prefix):
        if shape.type_name == "structure":
            found = {}
            for name, member in shape.members.items():
                at = ".".join(filter(None, (prefix, self.name(member, name))))
                if self.under(at):
                    found[name] = self.read(member, at)
            return found
        if shape.type_name == "list":
            found = []
            if not self.ec2 and not shape.serialization.get("flattened"):
                prefix += "." + shape.member.serialization.get("name", "member")
            while self.under(f"{prefix}.{len(found) + 1}"):
                found.append(self.read(shape.member, f"{prefix}.{len(found) + 1}"))
            return found
        return scalar(shape, self.fields.pop(prefix))

    def params(self, operation):
        found = self.read(operation.input_shape, "") if operation.input_shape else {}
        if self.fields:
            raise Refused("UnknownParameter", f"not recognized: {sorted(self.fields)}")
        return found


def xml(shape, value, name):
    def tag(member, default):
        return member.serialization.get("name", default)
    if shape.type_name == "structure":
        inner = "".join(xml(shape.members[k], v, tag(shape.members[k], k))
                        for k, v in value.items())
    elif shape.type_name == "list":
        items = "".join(xml(shape.member, v, tag(shape.member, "member")) for v in value)
        if shape.serialization.get("flattened"):
            return items
        inner = items
    else:
        inner = escape(str(value).lower() if isinstance(value, bool) else str(value))
    return f"<{name}>{inner}</{name}>"


def newer(service, data):
    """What AWS knows, and the distribution's older botocore does not."""
    if service == "ec2":
        data["shapes"]["RegisterImageRequest"]["members"].setdefault(
            "TagSpecifications", {"shape": "TagSpecificationList",
                                  "locationName": "TagSpecification"})
    return data


class Service:
    def __init__(self, name, loader, models):
        self.name = name
        self.model = models.ServiceModel(newer(name, loader.load_service_model(name, "service-2")),
                                         name)
        self.protocol = self.model.metadata["protocol"]

    def decode(self, method, path, headers, body):
        """(operation, parameters), or Refused."""
        if self.protocol in ("ec2", "query"):
            form = Form(body, self.protocol == "ec2")
            if form.action not in self.model.operation_names:
                raise Refused("InvalidAction", f"no action {form.action}")
            if form.version != self.model.api_version:
                raise Refused("NoSuchVersion", f"version {form.version}")
            operation = self.model.operation_model(form.action)
            params = form.params(operation)
        elif self.protocol == "json":
            name = (headers.get("X-Amz-Target") or "").partition(".")[2]
            if name not in self.model.operation_names:
                raise Refused("UnknownOperationException", f"no action {name}")
            operation, params = self.model.operation_model(name), json.loads(body)
        else:
            operation, params = self.rest(method, path, headers, body)
        if operation.input_shape:
            check(operation.input_shape, params, operation.name)
        return operation, params

    def rest(self, method, path, headers, body):
        at, _, query = path.partition("?")
        query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        for name in self.model.operation_names:
            operation = self.model.operation_model(name)
            uri = operation.http["requestUri"]
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(uri))
            m = re.fullmatch(pattern, at)
            if m and operation.http["method"] == method:
                return operation, self.rest_params(operation, m.groupdict(), query, headers, body)
        raise Refused("UnknownOperationException", f"{method} {at}", 404)

    @staticmethod
    def rest_params(operation, uri, query, headers, body):
        shape, params, inside = operation.input_shape, {}, {}
        payload = shape.serialization.get("payload")
        for name, member in shape.members.items():
            where, key = member.serialization.get("location"), member.serialization.get("name", name)
            if where == "uri":
                params[name] = scalar(member, urllib.parse.unquote(uri[key]))
            elif where == "header" and headers.get(key) is not None:
                params[name] = scalar(member, headers[key])
            elif where == "querystring" and key in query:
                params[name] = scalar(member, query.pop(key))
            elif not where:
                inside[key] = name
        if query:
            raise Refused("ValidationException", f"unknown in the query: {sorted(query)}")
        if payload:
            params[payload] = body
        elif body:
            for key, value in json.loads(body).items():
                params[inside.get(key, key)] = value
        return params

    def encode(self, operation, result):
        """(status, headers, body) of an answer."""
        shape = operation.output_shape
        if shape:
            check(shape, result, f"answer of {operation.name}")
        if self.protocol in ("json", "rest-json"):
            heads = {m.serialization["name"]: str(result.pop(n)) for n, m in
                     (shape.members.items() if shape else ())
                     if m.serialization.get("location") == "header" and n in result}
            return (operation.http.get("responseCode", 200),
                    dict(heads, **{"Content-Type": "application/json"}),
                    json.dumps(result).encode())
        inner = "".join(xml(shape.members[k], v, shape.members[k].serialization.get("name", k))
                        for k, v in result.items()) if shape else ""
        if self.protocol == "query":
            inner = f"<{operation.name}Result>{inner}</{operation.name}Result>"
        return 200, {"Content-Type": "text/xml"}, \
            f"<{operation.name}Response>{inner}</{operation.name}Response>".encode()

    def error(self, e):
        if self.protocol in ("json", "rest-json"):
            return e.status, {"x-amzn-ErrorType": e.code, "Content-Type": "application/json"}, \
                json.dumps({"__type": e.code, "message": e.message}).encode()
        inner = f"<Error><Code>{e.code}</Code><Message>{escape(e.message)}</Message></Error>"
        text = (f"<Response><Errors>{inner}</Errors><RequestID>r</RequestID></Response>"
                if self.protocol == "ec2" else
                f"<ErrorResponse>{inner}<RequestId>r</RequestId></ErrorResponse>")
        return e.status, {"Content-Type": "text/xml"}, text.encode()


# -- Signature Version 4

def signature(method, path, headers, body, secret, unsigned_body=False):
    """(service, region) of a request that is signed as it should be, else Refused."""
    def no(why, code="SignatureDoesNotMatch"):
        raise Refused(code, why, 403)
    m = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
                     r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
                     headers.get("Authorization") or "")
    if not m:
        no("not signed", "MissingAuthenticationToken")
    key, day, region, service, names, given = m.groups()
    if key not in secret:
        no(f"no key {key}", "AuthFailure")
    when = headers.get("X-Amz-Date") or ""
    if not when.startswith(day) or "host" not in names.split(";"):
        no("date or host is not signed")
    then = datetime.datetime.strptime(when, "%Y%m%dT%H%M%SZ")
    if abs((datetime.datetime.utcnow() - then).total_seconds()) > 900:
        no("signature expired", "RequestExpired")
    digest = hashlib.sha256(body).hexdigest()
    told = headers.get("X-Amz-Content-SHA256")
    if told == "UNSIGNED-PAYLOAD" and unsigned_body:
        digest = told
    elif told and told != digest:
        no("the body is another")
    at, _, query = path.partition("?")
    pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
    def quote(s):
        return urllib.parse.quote(s, safe="-_.~")
    canonical = "\n".join([
        method, urllib.parse.quote(at, safe="/-_.~"),
        "&".join(f"{quote(k)}={quote(v)}" for k, v in pairs),
        *(f"{n}:{' '.join((headers.get(n) or '').split())}" for n in names.split(";")),
        "", names, digest])
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", when, scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    k = ("AWS4" + secret[key]).encode()
    for part in (day, region, service, "aws4_request"):
        k = hmac.digest(k, part.encode(), "sha256")
    if not hmac.compare_digest(hmac.new(k, text.encode(), "sha256").hexdigest(), given):
        no("the signature is another")
    return service, region
