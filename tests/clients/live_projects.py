"""Widely used projects whose newest files must be taken unchanged, and the reasons for which some may be refused.

Kinds: pure, compiled, in a namespace, large, and with a history of odd file and project names.
"""

FILE_BYTES_MAX = 30_000_000  # of those asked for; a wheel of tens of megabytes is among them
PROJECTS = (
    *("requests", "certifi", "attrs", "typing-extensions", "python-dateutil", "setuptools", "sphinx", "django"),
    *("zope-interface", "google-api-core", "backports-tarfile", "jaraco-functools", "ruamel-yaml"),
    *("pyyaml", "lxml", "pillow", "cryptography", "protobuf", "grpcio", "numpy"),
)
# A part of the rule that is told -> why this is right.
LISTED_REASONS = {
    "is not in both the WHEEL file and the filename": "the wheel was renamed after it was built: it is two wheels",
}
