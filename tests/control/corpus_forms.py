"""Forms, filenames and project names."""

import hashlib

import wheels
from control.corpus import Form, Row, demo_wheel, no, plain, renamed, whole, yes

WHEEL = wheels.wheel("demo", "1.0")
HEAD = b'Content-Disposition: form-data; name="content"; filename="' + WHEEL[0].encode() + b'"\r\n'
ACTION = b'Content-Disposition: form-data; name=":action"\r\n\r\nfile_upload'


def field(**more: str) -> Form:
    return whole(WHEEL, **more)


def parts(*given: bytes) -> Form:
    return wheels.join_parts(given)


def named(name: str) -> Form:
    return whole(wheels.wheel(name, "1.0"))


FIELDS = [
    no("another action", "is not file_upload", lambda: field(action="upload")),
    no("no action", "is not file_upload", lambda: field(action="")),
    no("another protocol", "is not 1", lambda: field(protocol_version="2")),
    no("an egg", "is not accepted", lambda: field(filetype="bdist_egg")),
    no("a wheel as an sdist", "does not fit the filename", lambda: field(filetype="sdist")),
    no("another Python tag", "does not fit the filename", lambda: field(pyversion="cp311")),
    no("another project in the form", "is not the project of the filename", lambda: field(name="other")),
    no("a name of another script", "is not a legal project name", lambda: field(name="d\u0435mo")),
    no("a name with a line end", "is not a legal project name", lambda: field(name="demo\n")),
    no("markup for a name", "(U+003C)script(U+003E)", lambda: field(name="<script>")),
    no("another version in the form", "is not the version of the filename", lambda: field(version="1.1")),
    no("a version of foreign digits", "is not a PEP 440 version", lambda: field(version="\u0661.0")),
    no("a version with a blank", "is not a PEP 440 version", lambda: field(version="1.0 ")),
    no("a wrong sha256", "is not the digest of the bytes", lambda: field(sha256_digest="0" * 64)),
    no("a wrong blake2", "is not the digest of the bytes", lambda: field(blake2_256_digest="0" * 64)),
    no("a wrong md5", "is not the digest of the bytes", lambda: field(md5_digest="0" * 32)),
    no("a short sha256", "is not a digest in hex", lambda: field(sha256_digest="0" * 63)),
    no("a sha256 in foreign digits", "is not a digest in hex", lambda: field(sha256_digest="\u0660" * 64)),
    no("no digest", "one digest is needed", lambda: field(sha256_digest="", blake2_256_digest=""), "strict"),
    no("no kind", "filetype: is missing", lambda: field(filetype=""), "strict"),
    no("no Python tag", "pyversion: is missing", lambda: field(pyversion=""), "strict"),
]


def twice(key: str, value: str) -> Form:
    return wheels.encode([*wheels.form_fields(*WHEEL), (key, value)], *WHEEL)


FORMS = [
    no("the name twice", "was sent 2 times", lambda: twice("name", "demo")),
    no("the version twice", "was sent 2 times", lambda: twice("version", "1.0")),
    no("the digest twice", "was sent 2 times", lambda: twice("sha256_digest", "0" * 64)),
    no("no file", "content: is missing", lambda: parts(ACTION)),
    no("an empty file", "is empty", lambda: plain(WHEEL[0], b"")),
    no("two files", "exactly one 'content' part", lambda: parts(HEAD + b"\r\nx", HEAD + b"\r\nx")),
    no("the file as text", "must be a file", lambda: parts(b'Content-Disposition: form-data; name="content"\r\n\r\nx')),
    no(
        "text as a file",
        "was sent as a file",
        lambda: parts(b'Content-Disposition: form-data; name="name"; filename="x"\r\n\r\nx'),
    ),
    no("a part in base64", "may not be encoded", lambda: parts(HEAD + b"Content-Transfer-Encoding: base64\r\n\r\nx")),
    no("a header twice", "repeated header", lambda: parts(HEAD + b"Content-Disposition: form-data\r\n\r\nx")),
    no("a header's name not ASCII", "malformed", lambda: parts(HEAD + b"Conte\xe0t-Type: a/b\r\n\r\nx")),
    no("a control character in a header", "malformed", lambda: parts(HEAD + b"X-A: a\nb\r\n\r\nx")),
    no("a folded header", "malformed", lambda: parts(HEAD + b" folded: x\r\n\r\nx")),
    no("no disposition", "no plain Content-Disposition", lambda: parts(b"X-Other: x\r\n\r\nx")),
    no(
        "filename* beside filename",
        "no plain Content-Disposition",
        lambda: parts(HEAD.rstrip() + b"; filename*=UTF-8''evil.whl\r\n\r\nx"),
    ),
    no(
        "a quote escaped in a name",
        "no plain Content-Disposition",
        lambda: parts(b'Content-Disposition: form-data; name="a\\"b"\r\n\r\nx'),
    ),
    no(
        "a boundary after a bare line feed",
        "boundary stands inside one of its parts",
        lambda: parts(b'Content-Disposition: form-data; name="a"\r\n\r\nx\n--' + wheels.BOUNDARY.encode() + b"\r\n"),
    ),
    no("text before the form", "does not begin", lambda: (field()[0], b"preamble\r\n" + field()[1])),
    no("text after the form", "follow the end", lambda: (field()[0], field()[1] + b"\r\nepilogue")),
    no("a form cut off", "ends before its last boundary", lambda: (field()[0], field()[1][:-60])),
    no("an empty body", "does not begin", lambda: (field()[0], b"")),
    no("JSON", "must be multipart/form-data", lambda: ("application/json", b"{}")),
    no("no boundary", "must be multipart/form-data", lambda: ("multipart/form-data", b"")),
    no(
        "two boundaries",
        "must be multipart/form-data",
        lambda: (field()[0] + "; boundary=x", field()[1]),
    ),
    no("a long boundary", "must be multipart", lambda: ("multipart/form-data; boundary=" + "x" * 71, b"")),
    no("a part without end of headers", "no proper headers", lambda: parts(b"A: " + b"x" * 10_000)),
    no(
        "ten thousand parts",
        "more than 10000 parts",
        lambda: parts(*[b'Content-Disposition: form-data; name="a"\r\n\r\n'] * 10_001),
    ),
    no("a field of 5 MiB", "is larger than", lambda: field(description="x" * 5 * 1024 * 1024)),
    Row("an action that ended", lambda: field(action="submit"), 410, "ended long ago"),
    Row("documentation", lambda: field(action="doc_upload"), 410, "ended long ago"),
]
FILENAMES = [
    no(f"the filename {name!r}", words, renamed(name))
    for name, words in [
        ("demo-1.0.exe", "is not a kind of file"),
        ("demo-1.0.egg", "is not a kind of file"),
        ("demo-1.0.tar.bz2", "is not a kind of file"),
        ("demo-1.0.tgz", "is not a kind of file"),
        ("demo-1.0-py3-none-any.WHL", "is not a kind of file"),
        ("demo-1.0.TAR.GZ", "is not a kind of file"),
        ("demo-1.0.tar.gz.asc", "is not a kind of file"),
        ("", "is not a legal filename"),
        (".tar.gz", "is not a legal filename"),
        ("-1.0.tar.gz", "is not a legal filename"),
        ("../demo-1.0.tar.gz", "is not a legal filename"),
        ("a/demo-1.0.tar.gz", "is not a legal filename"),
        ("demo%2f-1.0.tar.gz", "is not a legal filename"),
        ("demo-1.0?x.tar.gz", "is not a legal filename"),
        ("demo-1.0 .tar.gz", "is not a legal filename"),
        (" demo-1.0.tar.gz", "is not a legal filename"),
        ("demo -1.0-py3-none-any.whl", "is not a legal filename"),
        ("demo-1.0\x7f.tar.gz", "is not a legal filename"),
        ("dem\u043e-1.0.tar.gz", "is not a legal filename"),
        ("demo-\u0661.0.tar.gz", "is not a legal filename"),
        ("d" * 250 + "-1.0.tar.gz", "is not a legal filename"),
        ("demo.tar.gz", "is not an sdist's filename"),
        ("demo-one.tar.gz", "is not an sdist's filename"),
        ("demo-" + "1" * 200 + ".tar.gz", "does not hold a PEP 440 version"),
        ("_demo-1.0.tar.gz", "does not begin with a legal project name"),
        ("demo_-1.0.tar.gz", "does not begin with a legal project name"),
        ("demo-1.0-py3.whl", "is not a wheel's filename"),
        ("demo-1.0-py3-none-any-extra-more.whl", "is not a wheel's filename"),
        ("demo-1.0-x1-py3-none-any.whl", "is not a wheel's filename"),
        ("demo-1.0-py3-no+ne-any.whl", "is not a wheel's filename"),
        ("demo-1.0-py3..py2-none-any.whl", "is not a wheel's filename"),
        ("demo-1.0-" + "a." * 30 + "a-" + "b." * 30 + "b-any.whl", "is not a wheel's filename"),
        ("demo__x-1.0-py3-none-any.whl", "is not a wheel's filename"),
        ("other-1.0-py3-none-any.whl", "does not match the filename"),
        ("demo-2.0-py3-none-any.whl", "does not match the filename"),
        ("other-1.0.tar.gz", "does not match the filename"),
        ("demo-1.1.tar.gz", "does not match the filename"),
        ("demo-1.0-cp311-none-any.whl", "is not in both the WHEEL file and the filename"),
        ("demo-1.0-py3-none-win32.whl", "is not in both the WHEEL file and the filename"),
    ]
]
STRICT = [
    no("another spelling", "must begin with the normalised name demo", renamed("Demo-1.0-py3-none-any.whl"), "strict"),
    no("a version not normalised", "must hold the normalised version 1.0", renamed("demo-v1.0.tar.gz"), "strict"),
    no("a zip sdist", "is not a kind of file", lambda: whole(wheels.sdist("demo", "1.0", suffix=".zip")), "strict"),
    no("a local version", "has a local part", lambda: whole(wheels.wheel("demo", "1.0+a")), "strict"),
    no("a plain linux wheel", "platform tag", demo_wheel(tags=["py3-none-linux_x86_64"]), "strict"),
    no("a macOS minor version", "platform tag", demo_wheel(tags=["py3-none-macosx_12_3_arm64"]), "strict"),
    no("a direct URL", "names a direct URL", demo_wheel(requires=["a @ https://a.example/a.whl"]), "strict"),
    no("metadata 2.0", "not a metadata version", demo_wheel(metadata_version="2.0"), "strict"),
    no("a long summary", "longer than 512", demo_wheel(metadata={"Summary": "x" * 513}), "strict"),
    no("a script link", "is not an http", demo_wheel(metadata={"Home-page": "javascript:alert(1)"}), "strict"),
]
NAMES = [
    no("a module of Python", "standard library", lambda: named("json")),
    no("a module of old Python", "standard library", lambda: named("StringIO")),
    no("a module with separators", "standard library", lambda: named("dummy_threading")),
    no("the file of requirements", "by mistake", lambda: named("requirements.txt")),
    no("a device of Windows", "by mistake", lambda: named("NUL")),
    no("a look-alike with a zero", "confused with the project existing-tool", lambda: named("existing-t0ol")),
    no("a look-alike with a one", "confused with the project existing-tool", lambda: named("ex1sting-tool")),
    no("a look-alike without its dash", "confused with the project existing-tool", lambda: named("existingtool")),
    no(
        "a look-alike told with a broken form", "confused", lambda: whole(wheels.wheel("ex1stingtool", "1"), action="x")
    ),
    no(
        "a module told with a broken form", "standard library", lambda: whole(wheels.wheel("json", "1"), md5_digest="0")
    ),
]
LEGAL = [
    yes("a name one slip from a popular one, privately", lambda: wheels.wheel("reqeusts", "1.0")),
    yes("a popular name itself", lambda: wheels.wheel("requests", "1.0"), "strict"),
    yes("a manylinux wheel", lambda: wheels.wheel("compiled", "1.0", tags=["cp311-cp311-manylinux_2_28_x86_64"])),
    yes("the same under strict rules", lambda: wheels.wheel("comp", "1", tags=["cp311-cp311-musllinux_1_2_x86_64"])),
    yes("a build number", lambda: wheels.wheel("built", "1.0", build="12a")),
    yes("tags of two Pythons", lambda: wheels.wheel("universal", "1.0", tags=["py2-none-any", "py3-none-any"])),
    yes("a local version", lambda: wheels.wheel("local", "1.0+corp.7")),
    yes("an epoch", lambda: wheels.wheel("epoch", "1!2.0")),
    yes("every kind of version part", lambda: wheels.sdist("parts", "1.0a1.post2.dev3")),
    Row("digits in upper case", lambda: field(sha256_digest=hashlib.sha256(WHEEL[1]).hexdigest().upper()), 200, ""),
    Row("the same bytes again", lambda: field(), 200, "was already there"),
    Row("the same bytes of a hand-made form", lambda: plain(*WHEEL), 200, "was already there"),
    no("other bytes under that name", "File already exists", lambda: whole(wheels.wheel("demo", "1.0", size=10))),
]
ROWS = [*FIELDS, *FORMS, *FILENAMES, *STRICT, *NAMES, *LEGAL]
