"""Which names a new project may not take, as data: modules of the standard library, misread commands, look-alikes.

Only the creation of a project is judged; names in use stay. Every function takes normalised names.
"""

import re
import sys
from collections.abc import Iterable

from holdfast.core.names import normalize
from holdfast.core.upload_problems import Problem, problem

# Modules that other versions of Python had or will have; the running one knows its own.
_OTHER_PYTHONS = """
    annotationlib anydbm asynchat asyncore audiodev audioop basehttpserver bastion binhex bsddb cgi cgihttpserver cgitb
    chunk commands compiler compression configparser cookie cookielib copy-reg copyreg cpickle cprofile crypt cstringio
    dbhash dircache distutils dl docxmlrpcserver dumbdbm dummy-thread dummy-threading exceptions formatter fpectl
    fpformat future-builtins gdbm gensuitemodule graphlib hotshot htmlentitydefs htmllib htmlparser httplib ihooks
    imageop imghdr imp imputil lib2to3 linuxaudiodev macos macpath mailcap markupbase md5 mhlib mimetools mimewriter
    mimify msilib multifile mutex new nis nntplib os2emxpath ossaudiodev parser pipes popen2 posixfile queue repr rexec
    rfc822 robotparser scrolledtext sets sgmllib sha simplehttpserver simplexmlrpcserver smtpd sndhdr socketserver spwd
    sre statvfs stringio stringold strop sunau sunaudiodev symbol telnetlib test thread timing tix tkcolorchooser
    tkcommondialog tkfiledialog tkfont tkinter tkmessagebox tksimpledialog toaiff tomllib ttk urllib2 urlparse user
    userdict userlist userstring uu whichdb xdrlib xmllib xmlrpclib zoneinfo
"""
STANDARD_LIBRARY = frozenset(
    {*_OTHER_PYTHONS.split(), *(normalize(name) for name in sys.stdlib_module_names if not name.startswith("_"))}
)

# What people type by mistake after `pip install`, placeholders that manuals leave standing, and Windows' device names.
PROHIBITED = frozenset(
    """
    requirements requirements-txt requirement-txt rrequirements-txt requirements-in constraints-txt dev-requirements-txt
    setup-py setup-cfg pyproject pyproject-toml pipfile pipfile-lock poetry-lock uv-lock
    package package-name your-package your-package-name project-name none null nil undefined unknown localhost
    con prn aux nul com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9
    """.split()
)

# Names worth imitating: projects that nearly every environment has.
POPULAR = frozenset(
    """
    absl-py aiobotocore aiohttp alembic annotated-types anyio attrs awscli azure-core beautifulsoup4 black boto3
    botocore cachetools celery certifi cffi charset-normalizer click cloudpickle colorama cryptography cython django
    django-rest-framework docker docutils fastapi filelock flask frozenlist fsspec google-api-core google-auth
    google-cloud-storage greenlet grpcio gunicorn h11 httpcore httpx hypothesis idna importlib-metadata isort jinja2
    jmespath joblib jsonschema keras lxml markupsafe matplotlib multidict mypy mypy-extensions nltk numpy oauthlib
    openai opencv-python openpyxl packaging pandas paramiko pillow pip platformdirs playwright pluggy polars poetry
    prometheus-client protobuf psutil psycopg2 psycopg2-binary pyarrow pyasn1 pycparser pydantic pydantic-core pygments
    pyjwt pymysql pyopenssl pyparsing pytest pytest-cov python-dateutil python-dotenv pytz pyyaml redis regex requests
    requests-oauthlib rich rsa ruamel-yaml ruff s3fs s3transfer scikit-learn scipy seaborn selenium setuptools six
    sniffio soupsieve sqlalchemy starlette streamlit tensorflow tokenizers tomli torch torchvision tornado tox tqdm
    transformers trio twine typing-extensions tzdata urllib3 uvicorn virtualenv websocket-client websockets werkzeug
    wheel wrapt xgboost yarl zipp
    """.split()
)
_LOOK_ALIKE = str.maketrans("lio", "110")
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"
# Beside each other on a keyboard, or alike on a screen.
_SUBSTITUTES = dict(
    pair.split(":")
    for pair in """
        a:qwsz4 b:vghn68 c:xdfv d:serfcx e:wsdr3 f:drtgvc g:ftyhbv69q h:gyujnb i:ujko1l j:huikmn k:jiolm l:kop1i m:njk
        n:bhjm o:iklp0 p:ol q:wa r:edft s:awedxz5 t:rfgy7 u:yhjiv v:cfgbu w:qase x:zsdc y:tghu z:asx2 0:o 1:li 2:z 3:e
        4:a 5:s 6:bg 7:t 8:b 9:g
    """.split()
)
_STEP = "Choose another name, or ask an administrator: a token with the admin right may create it."


def check_new_name(name: str, alike: Iterable[str]) -> list[Problem]:
    """Judge the name of a project to be created. `alike`: existing names that may be confused with it."""
    problems = []
    if name in STANDARD_LIBRARY:
        problems.append(problem("name", name, "is a module of Python's standard library", _STEP))
    if name in PROHIBITED:
        problems.append(problem("name", name, "is what people install by mistake, and is not given away", _STEP))
    for other in sorted(alike)[:1]:
        problems.append(problem("name", name, f"can be confused with the project {other} of this index", _STEP))
    return problems


def look_alike_key(name: str) -> str:
    """Equal for names that look alike: no separators, `l` and `i` as `1`, `o` as `0`."""
    return re.sub(r"[-_.]", "", name.lower()).translate(_LOOK_ALIKE)


def imitated(name: str) -> str:
    """The popular project that `name` may be mistyped for, or ""."""
    if name in POPULAR:
        return ""
    for guesses in (_without_repeats, _with_one_more, _with_neighbours_swapped, _with_one_other):
        if found := next((guess for guess in guesses(name) if guess in POPULAR), ""):
            return found
    words = sorted(name.split("-"))
    return next((known for known in sorted(POPULAR) if "-" in known and sorted(known.split("-")) == words), "")


def _without_repeats(name: str) -> Iterable[str]:
    return (name[:at] + name[at + 1 :] for at in range(1, len(name)) if name[at] == name[at - 1])


def _with_one_more(name: str) -> Iterable[str]:
    if len(name) < 4:
        return ()
    return (name[:at] + letter + name[at:] for at in range(len(name) + 1) for letter in _LETTERS)


def _with_neighbours_swapped(name: str) -> Iterable[str]:
    return (name[:at] + name[at + 1] + name[at] + name[at + 2 :] for at in range(len(name) - 1))


def _with_one_other(name: str) -> Iterable[str]:
    for at, letter in enumerate(name):
        for other in _SUBSTITUTES.get(letter, ""):
            yield name[:at] + other + name[at + 1 :]
